// SPDX-License-Identifier: Apache-2.0
#include "cli/command/replay_view.hpp"

#include <cmath>

#include "cli/command/common.hpp"
#include "cli/format/quantity.hpp"
#include "cli/format/table.hpp"

namespace tidegate::cli {
namespace {

Json reasons_of(const Counts& counts) {
  Json reasons = Json::object();
  for (const auto& [reason, count] : counts.by_reason) reasons[reason_name(reason)] = count;
  return reasons;
}

void add_counts(Json& document, const Counts& counts) {
  document["seen"] = counts.seen;
  document["passed"] = counts.passed;
  document["dropped"] = counts.dropped;
  document["would_drop"] = counts.would_drop;
  document["dropped_by_reason"] = reasons_of(counts);
}

std::string reasons_text(const Counts& counts) {
  std::vector<std::string> words;
  for (const auto& [reason, count] : counts.by_reason)
    words.push_back(reason_name(reason) + " " + std::to_string(count));
  return joined(words, ", ");
}

Row row_of(const std::string& name, const Counts& counts) {
  return {name,
          std::to_string(counts.seen),
          std::to_string(counts.passed),
          {std::to_string(counts.dropped), counts.dropped > 0 ? Paint::kRed : Paint::kPlain},
          std::to_string(counts.would_drop),
          reasons_text(counts)};
}

void print_rows(Table& table, const ReplayReport& report, std::uint64_t rows) {
  const auto sources = report.tally.sorted();
  Counts rest = report.tally.others();
  std::uint64_t hidden = report.tally.folded();
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (i < rows) {
      table.add(row_of(sources[i].first.to_string(), sources[i].second));
    } else {
      rest.add(sources[i].second);
      ++hidden;
    }
  }
  if (hidden > 0) table.add(row_of(std::to_string(hidden) + " more", rest));
  if (report.tally.not_ip().seen > 0) table.add(row_of("not IP", report.tally.not_ip()));
}

}  // namespace

Json document_of(const ReplayReport& report) {
  Json document;
  add_counts(document, report.tally.total());
  document["seconds"] = std::round(report.seconds * 1000) / 1000;
  document["unusable"] = report.unusable;
  document["too_long"] = report.too_long;
  document["sources"] = Json::array();
  for (const auto& [source, counts] : report.tally.sorted()) {
    Json entry{{"source", source.to_string()}};
    add_counts(entry, counts);
    document["sources"].push_back(std::move(entry));
  }
  Json others{{"sources", report.tally.folded()}};
  add_counts(others, report.tally.others());
  document["others"] = std::move(others);
  Json not_ip = Json::object();
  add_counts(not_ip, report.tally.not_ip());
  document["not_ip"] = std::move(not_ip);
  return document;
}

void print_replay(std::ostream& out, const Style& style, const ReplayReport& report, std::uint64_t rows) {
  const Counts& total = report.tally.total();
  out << plural(total.seen, "packet") << " in " << std::llround(report.seconds * 1000)
      << " ms of capture: " << total.passed << " passed, " << total.dropped << " dropped";
  if (total.would_drop > 0) out << ", " << total.would_drop << " of those passed only in dry-run or by tolerance";
  out << '\n';
  if (report.unusable > 0) out << report.unusable << " left out: sent by the capturing host, or no IP packet\n";
  if (report.too_long > 0) out << report.too_long << " left out: longer than this kernel can replay\n";
  out << '\n';
  Table table(out, style,
              {{"SOURCE"},
               {"SEEN", Align::kRight},
               {"PASSED", Align::kRight},
               {"DROPPED", Align::kRight},
               {"WOULD DROP", Align::kRight},
               {"BY REASON"}});
  print_rows(table, report, rows);
}

}  // namespace tidegate::cli
