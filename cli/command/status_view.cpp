// SPDX-License-Identifier: Apache-2.0
#include "cli/command/status_view.hpp"

#include "cli/command/attachments.hpp"
#include "cli/command/inspector_view.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/escape.hpp"
#include "cli/format/quantity.hpp"
#include "cli/format/table.hpp"
#include "cli/top/render.hpp"
#include "cli/top/rules.hpp"

namespace tidegate::cli {
namespace {

std::string count(std::uint64_t number) { return short_count(static_cast<double>(number)); }
std::string rate(const v1::Rates& rates) { return short_count(rates.packets_per_second()); }
std::string bits(const v1::Rates& rates) { return short_bits(rates.bits_per_second()); }
Paint red_if(bool condition) { return condition ? Paint::kRed : Paint::kPlain; }

void print_warnings(std::ostream& out, const Style& style, const v1::GetStatusResponse& status) {
  for (const std::string& warning : status.warnings()) {
    out << style.paint(Paint::kYellow, "warning: " + escape_text(warning)) << '\n';
  }
  for (const v1::FeatureStatus& feature : status.features()) {
    if (feature.available()) continue;
    out << style.paint(Paint::kYellow, "degraded: no " + escape_text(feature.name())) << ": "
        << escape_text(feature.consequence()) << '\n';
  }
}

void print_interfaces(std::ostream& out, const Style& style, const v1::GetStatusResponse& status) {
  if (status.interfaces().empty()) return;
  out << '\n';
  Table table(out, style,
              {{"INTERFACE"},
               {"MODE"},
               {"STATE"},
               {"PASSED/S", Align::kRight},
               {"BIT/S", Align::kRight},
               {"DROPPED/S", Align::kRight},
               {"BIT/S", Align::kRight},
               {"PASSED", Align::kRight},
               {"DROPPED", Align::kRight}});
  for (const v1::InterfaceStatus& interface : status.interfaces()) {
    table.add({interface.name(),
               interface.mode(),
               {attachment_of(interface), interface.attached() ? Paint::kGreen : Paint::kRed},
               rate(interface.passed_rate()),
               bits(interface.passed_rate()),
               {rate(interface.dropped_rate()), red_if(interface.dropped_rate().packets_per_second() >= 1)},
               bits(interface.dropped_rate()),
               count(interface.passed().packets()),
               count(interface.dropped().packets())});
  }
  table.finish();
  for (const v1::InterfaceStatus& interface : status.interfaces()) {
    if (interface.problem().empty()) continue;
    out << style.paint(Paint::kRed, escape_text(interface.name() + ": " + interface.problem())) << '\n';
  }
}

// Estimated from samples, unlike all else here.
void print_sources(std::ostream& out, const Style& style, const v1::TopResponse& sources) {
  if (sources.rows().empty()) return;
  out << '\n';
  Table table(out, style,
              {{"TOP SOURCE"},
               {"SERVICE"},
               {"PASSED/S", Align::kRight},
               {"DROPPED/S", Align::kRight},
               {"WOULD/S", Align::kRight},
               {"REASON"}});
  for (const v1::TopRow& row : sorted_rows(sources)) {
    table.add({row.source(),
               row.service(),
               short_count(row.passed_pps()),
               {short_count(row.dropped_pps()), red_if(row.dropped_pps() >= 1)},
               short_count(row.would_drop_pps()),
               row.reason()});
  }
}

bool is_silent(const v1::CounterRow& row) {
  return row.passed().packets() + row.dropped().packets() + row.would_drop().packets() == 0;
}

template <typename Rows>
void print_counters(std::ostream& out, const Style& style, const std::string& title, const Rows& rows, bool all) {
  std::vector<const v1::CounterRow*> shown;
  for (const v1::CounterRow& row : rows) {
    if (all || !is_silent(row)) shown.push_back(&row);
  }
  if (shown.empty()) return;
  out << '\n';
  Table table(out, style,
              {{title},
               {"PASSED/S", Align::kRight},
               {"BIT/S", Align::kRight},
               {"DROPPED/S", Align::kRight},
               {"BIT/S", Align::kRight},
               {"PASSED", Align::kRight},
               {"DROPPED", Align::kRight},
               {"WOULD DROP", Align::kRight}});
  for (const v1::CounterRow* row : shown) {
    table.add({row->name(),
               rate(row->passed_rate()),
               bits(row->passed_rate()),
               {rate(row->dropped_rate()), red_if(row->dropped_rate().packets_per_second() >= 1)},
               bits(row->dropped_rate()),
               count(row->passed().packets()),
               count(row->dropped().packets()),
               count(row->would_drop().packets())});
  }
}

void print_tables(std::ostream& out, const Style& style, const v1::GetStatusResponse& status) {
  if (status.tables().empty()) return;
  out << '\n';
  Table table(out, style,
              {{"TABLE"},
               {"ENTRIES", Align::kRight},
               {"CAPACITY", Align::kRight},
               {"FILL", Align::kRight},
               {"MEMORY", Align::kRight}});
  for (const v1::TableStatus& row : status.tables()) {
    const bool nearly_full = row.capacity() > 0 && row.entries() * 10 >= row.capacity() * 9;
    table.add({row.name(),
               std::to_string(row.entries()),
               std::to_string(row.capacity()),
               {percent(row.entries(), row.capacity()), red_if(nearly_full)},
               short_bytes(row.memory_bytes())});
  }
}

// "rules 12 · keys 4.2k · memory 1.1 MB of 64.0 MB · enforced 3 · held back: shadow 5, nat_guard 1"
void print_rules_status(std::ostream& out, const Style& style, const v1::RulesStatus& rules) {
  if (rules.rules().empty()) return;
  out << "rules " << rules.rules_size() << " · requests " << count(rules.summaries()) << " · keys "
      << count(rules.keys()) << " · memory " << short_bytes(rules.bytes()) << " of " << short_bytes(rules.budget())
      << " · enforced " << count(rules.enforced());
  if (!rules.held_back().empty()) out << " · held back: " << escape_text(held_back_text(rules.held_back()));
  out << '\n';
  std::string trouble;
  const auto add = [&](const char* name, std::uint64_t number) {
    if (number > 0) trouble += (trouble.empty() ? "" : " · ") + std::string(name) + " " + count(number);
  };
  add("alarms", rules.alarms());
  add("keys evicted", rules.evicted());
  add("findings dropped", rules.dropped());
  add("refused", rules.refused());
  add("requests too late", rules.late());
  add("requests of unproven sources", rules.unproven());
  if (!trouble.empty()) out << "  " << style.paint(Paint::kYellow, trouble) << '\n';
}

template <typename Texts>
std::string listed(const Texts& texts) {
  std::string line;
  for (const auto& text : texts) line += (line.empty() ? "" : ", ") + text;
  return escape_text(line);
}

void print_rest(std::ostream& out, const Style& style, const v1::GetStatusResponse& status) {
  out << "\ndecisions " << status.decisions() << " · tables " << short_bytes(status.tables_memory_bytes())
      << " · agent " << short_bytes(status.agent_memory_bytes()) << '\n';
  print_inspector(out, style, status.inspector());
  print_rules_status(out, style, status.rules());
  for (const v1::ExportStatus& exported : status.exports()) {
    out << "export " << escape_text(exported.kind() + " " + exported.path()) << " · written "
        << count(exported.written());
    if (exported.lost() > 0) out << " · " << style.paint(Paint::kYellow, "lost " + count(exported.lost()));
    out << '\n';
  }
  std::string ages;
  for (const v1::AgeStatus& age : status.ages()) {
    ages +=
        (ages.empty() ? "" : " · ") + age.name() + " " + short_age(std::chrono::seconds(age.age().seconds())) + " ago";
  }
  if (!ages.empty()) out << escape_text(ages) << '\n';
  std::string faults;
  for (const v1::FaultCount& fault : status.faults()) {
    if (fault.count() > 0) faults += (faults.empty() ? "" : " · ") + fault.name() + " " + count(fault.count());
  }
  if (!faults.empty()) out << "faults: " << escape_text(faults) << '\n';
  if (!status.not_enforced().empty()) out << "not enforced by this version: " << listed(status.not_enforced()) << '\n';
}

}  // namespace

std::string headline(const v1::GetStatusResponse& status, const Clock& clock) {
  std::string line = "tidegate " + status.version() + " · " +
                     (status.enforcing() ? "enforcing" : "DRY-RUN, nothing is dropped") + " · generation " +
                     std::to_string(status.policy_generation());
  if (status.has_started()) {
    line +=
        " · up " + short_age(std::chrono::floor<std::chrono::seconds>(clock.wall() - to_wall_time(status.started())));
  }
  return escape_text(line);
}

void print_status(std::ostream& out, const Style& style, const v1::GetStatusResponse& status,
                  const v1::TopResponse& sources, const Clock& clock) {
  out << style.paint(status.enforcing() ? Paint::kBold : Paint::kYellow, headline(status, clock)) << '\n';
  if (status.has_confirm_by()) {
    const std::string by = to_rfc3339(to_wall_time(status.confirm_by()));
    out << style.paint(Paint::kYellow, "the policy waits for `tidegate policy confirm` until " + by) << '\n';
  }
  print_warnings(out, style, status);
  print_interfaces(out, style, status);
  print_sources(out, style, sources);
  print_counters(out, style, "SERVICE", status.services(), true);
  print_counters(out, style, "REASON", status.reasons(), false);
  print_tables(out, style, status);
  print_rest(out, style, status);
}

}  // namespace tidegate::cli
