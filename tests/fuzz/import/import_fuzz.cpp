// SPDX-License-Identifier: Apache-2.0
// Import of decisions from any bytes: however they are cut, the result is the same; what is accepted is valid and
// survives export and import; what is reported can be shown.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "agent/decisions/transfer.hpp"

namespace {

using namespace tidegate;
using namespace tidegate::decisions;

const WallTime kNow = ManualClock().wall();

void require(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  std::vector<Decision> decisions;
  ImportSummary summary;
};

Outcome import(std::string_view text, std::size_t chunk) {
  Outcome outcome;
  const auto parser = ImportParser::create({.format = {}, .origin = {}, .now = kNow, .actor = ""},
                                           [&](NewDecision&& decision) -> Status {
                                             require(validate(decision).has_value());
                                             outcome.decisions.push_back({std::move(decision), 1, kNow});
                                             return {};
                                           });
  for (std::size_t at = 0; at < text.size(); at += chunk) parser->feed(text.substr(at, chunk));
  outcome.summary = parser->finish();
  require(outcome.summary.accepted == outcome.decisions.size());
  return outcome;
}

bool same(const Decision& a, const Decision& b, bool sub_second) {
  const bool expiry = sub_second ? a.expires == b.expires : a.expires.has_value() == b.expires.has_value();
  return a.target == b.target && a.action == b.action && a.reason == b.reason && a.limit == b.limit && expiry;
}

void require_same(const std::vector<Decision>& a, const std::vector<Decision>& b) {
  require(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) require(same(a[i], b[i], true));
}

void require_round_trip(const Outcome& outcome, Format format) {
  std::string text;
  const auto exporter = Exporter::create(format, kNow, [&](std::string_view part) { text += part; });
  for (const Decision& decision : outcome.decisions) exporter->add(decision);
  exporter->finish();
  const Outcome again = import(text, text.size() + 1);
  require(again.summary.error_count == 0);
  require(again.decisions.size() + again.summary.expired == outcome.decisions.size());
  if (again.summary.expired > 0) return;  // sooner than the format's unit of time can say
  for (std::size_t i = 0; i < again.decisions.size(); ++i)
    require(same(again.decisions[i], outcome.decisions[i], false));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Outcome whole = import(text, size + 1);
  const Outcome cut = import(text, size % 13 + 1);
  require_same(whole.decisions, cut.decisions);
  require(whole.summary.error_count == cut.summary.error_count);
  require(whole.summary.errors.size() <= ImportSummary::kMostErrors);
  for (const LineError& error : whole.summary.errors)
    require(check_text("message", error.message, SIZE_MAX).has_value());
  require_round_trip(whole, Format::kJson);
  require_round_trip(whole, Format::kCsv);
  std::size_t written = 0;
  const auto nft = Exporter::create(Format::kNft, kNow, [&](std::string_view part) { written += part.size(); });
  for (const Decision& decision : whole.decisions) nft->add(decision);
  nft->finish();
  require(written > 0);
  return 0;
}
