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

Json entry_of(const Json& source, const char* kind, const Counts& counts) {
  return {{"source", source},
          {"kind", kind},
          {"seen", counts.seen},
          {"passed", counts.passed},
          {"dropped", counts.dropped},
          {"would_drop", counts.would_drop},
          {"reasons", reasons_of(counts)}};
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
  Json rows = Json::array();
  for (const auto& [source, counts] : report.tally.sorted()) {
    rows.push_back(entry_of(source.to_string(), "source", counts));
  }
  if (report.tally.folded() > 0) {
    rows.push_back(entry_of(nullptr, "others", report.tally.others()));
    rows.back()["sources"] = report.tally.folded();
  }
  if (report.tally.not_ip().seen > 0) rows.push_back(entry_of(nullptr, "not_ip", report.tally.not_ip()));
  return rows;
}

std::string summary_of(const ReplayReport& report) {
  const Counts& total = report.tally.total();
  std::string text = plural(total.seen, "packet") + " in " + std::to_string(std::llround(report.seconds * 1000)) +
                     " ms of capture: " + std::to_string(total.passed) + " passed, " + std::to_string(total.dropped) +
                     " dropped";
  if (total.would_drop > 0) {
    text += ", " + std::to_string(total.would_drop) + " of those passed only in dry-run or by tolerance";
  }
  if (report.unusable > 0) text += "; " + std::to_string(report.unusable) + " left out that are no ingress IP traffic";
  if (report.too_long > 0) text += "; " + std::to_string(report.too_long) + " left out, too long for this kernel";
  return text;
}

void print_replay(std::ostream& out, const Style& style, const ReplayReport& report, std::uint64_t rows) {
  out << summary_of(report) << "\n\n";
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
