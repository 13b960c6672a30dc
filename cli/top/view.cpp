// SPDX-License-Identifier: Apache-2.0
// The state behind the screen; render.cpp draws it.
#include <algorithm>

#include "cli/top/render.hpp"

namespace tidegate::cli {

using ::tidegate::v1::TopBy;
using ::tidegate::v1::TopRow;

void TopView::take(v1::TopResponse answer) {
  response = std::move(answer);
  problem.clear();
  double passed = 0;
  double dropped = 0;
  std::map<std::string, Traffic> present;
  for (const v1::InterfaceStatus& interface : response.status().interfaces()) {
    Traffic traffic = std::move(interfaces[interface.name()]);
    traffic.passed.add(interface.passed_rate().packets_per_second());
    traffic.dropped.add(interface.dropped_rate().packets_per_second());
    passed += interface.passed_rate().packets_per_second();
    dropped += interface.dropped_rate().packets_per_second();
    present[interface.name()] = std::move(traffic);
  }
  interfaces = std::move(present);
  total.passed.add(passed);
  total.dropped.add(dropped);
}

void TopView::reset() {
  total = {};
  interfaces.clear();
}

std::vector<TopRow> sorted_rows(const v1::TopResponse& response) {
  std::vector<TopRow> rows(response.rows().begin(), response.rows().end());
  std::stable_sort(rows.begin(), rows.end(), [](const TopRow& a, const TopRow& b) {
    if (a.dropped_pps() != b.dropped_pps()) return a.dropped_pps() > b.dropped_pps();
    if (a.would_drop_pps() != b.would_drop_pps()) return a.would_drop_pps() > b.would_drop_pps();
    if (a.dropped_total() != b.dropped_total()) return a.dropped_total() > b.dropped_total();
    return a.passed_pps() > b.passed_pps();
  });
  return rows;
}

std::string title_of(TopBy by) {
  switch (by) {
    case v1::TOP_BY_RULE:
      return "RULE";
    case v1::TOP_BY_SERVICE:
      return "SERVICE";
    case v1::TOP_BY_REASON:
      return "REASON";
    case v1::TOP_BY_ENDPOINT:
      return "ENDPOINT";
    default:
      return "SOURCE";
  }
}

std::string name_of(const TopRow& row, TopBy by) {
  if (by == v1::TOP_BY_SERVICE) return row.service();
  if (by == v1::TOP_BY_REASON) return row.reason();
  if (by == v1::TOP_BY_ENDPOINT) return row.endpoint().path_template();
  if (by == v1::TOP_BY_RULE) return row.rule().name();
  return row.source().empty() ? row.service() : row.source();
}

}  // namespace tidegate::cli
