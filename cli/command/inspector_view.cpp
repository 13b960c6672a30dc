// SPDX-License-Identifier: Apache-2.0
#include "cli/command/inspector_view.hpp"

#include <string>

#include "cli/format/escape.hpp"
#include "cli/format/quantity.hpp"

namespace tidegate::cli {
namespace {

using ::tidegate::v1::InspectorStatus;
using ::tidegate::v1::KeySourceStatus;

std::string count(std::uint64_t number) { return short_count(static_cast<double>(number)); }

Paint paint_of(const InspectorStatus& inspector) {
  if (inspector.state() == "running") return Paint::kGreen;
  return inspector.state() == "starting" ? Paint::kYellow : Paint::kRed;
}

// What was not seen, by cause; counters of hostile input too.
void print_counts(std::ostream& out, const Style& style, const InspectorStatus& inspector, const char* kind,
                  const char* title, Paint paint) {
  std::string line;
  for (const auto& counter : inspector.counters()) {
    if (counter.kind() != kind || counter.count() == 0) continue;
    line += (line.empty() ? "" : " · ") + counter.name() + " " + count(counter.count());
  }
  if (!line.empty()) out << "  " << title << ": " << style.paint(paint, escape_text(line)) << '\n';
}

std::string text_of(const KeySourceStatus& source) {
  std::string line =
      source.kind() + (source.path().empty() ? "" : " " + source.path()) + ": " + count(source.accepted()) + " lines";
  if (source.has_last_seen()) {
    line += ", last " + short_age(std::chrono::seconds(source.last_seen().seconds())) + " ago";
  }
  if (source.senders() > 0) line += ", " + count(source.senders()) + " senders";
  if (source.malformed() > 0) line += ", " + count(source.malformed()) + " malformed";
  if (source.dropped() > 0) line += ", " + count(source.dropped()) + " dropped";
  if (source.refused() > 0) line += ", " + count(source.refused()) + " senders refused";
  return line;
}

std::uint64_t counted(const InspectorStatus& inspector, std::string_view name) {
  for (const auto& counter : inspector.counters()) {
    if (counter.name() == name) return counter.count();
  }
  return 0;
}

void print_payloads(std::ostream& out, const Style& style, const InspectorStatus& inspector) {
  const auto& payloads = inspector.payloads();
  if (payloads.state().empty() || payloads.state() == "off") return;
  out << "  payloads "
      << style.paint(payloads.state() == "running" ? Paint::kGreen : Paint::kYellow, escape_text(payloads.state()))
      << " · examined " << count(counted(inspector, "payloads_examined")) << " of "
      << count(counted(inspector, "payloads_sampled")) << " sampled · attacks "
      << count(counted(inspector, "payloads_found")) << " · memory " << short_bytes(payloads.memory_bytes());
  if (payloads.restarts() > 0) out << " · restarts " << count(payloads.restarts());
  out << '\n';
}

}  // namespace

void print_inspector(std::ostream& out, const Style& style, const InspectorStatus& inspector) {
  out << "inspector "
      << style.paint(inspector.state() == "off" ? Paint::kPlain : paint_of(inspector), escape_text(inspector.state()));
  if (inspector.state() == "off") {
    out << '\n';
    return;
  }
  out << " · connections " << count(inspector.connections()) << " (" << count(inspector.open_connections())
      << " open) · decrypted " << count(inspector.decrypted()) << " · without key " << count(inspector.no_key())
      << " · requests " << count(inspector.requests()) << " · memory " << short_bytes(inspector.resident_bytes());
  if (inspector.restarts() > 0) out << " · restarts " << count(inspector.restarts());
  out << '\n';
  print_payloads(out, style, inspector);
  print_counts(out, style, inspector, "loss", "not seen", Paint::kYellow);
  print_counts(out, style, inspector, "hostile", "hostile", Paint::kRed);
  for (const auto& source : inspector.keys()) out << "  keys " << escape_text(text_of(source)) << '\n';
}

}  // namespace tidegate::cli
