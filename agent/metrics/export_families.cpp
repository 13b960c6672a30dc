// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/export_families.hpp"

#include "agent/metrics/family.hpp"

namespace tidegate::metrics {

void add_exports(std::vector<prometheus::MetricFamily>& families, const std::vector<exports::Report>& reports) {
  if (reports.empty()) return;
  Family events("tidegate_export_events_total", "Events for other programs by what became of them.",
                prometheus::MetricType::Counter);
  Family up("tidegate_export_up", "1 while the file can be written.", prometheus::MetricType::Gauge);
  for (const auto& report : reports) {
    const Labels labels{{"kind", report.kind}, {"path", report.path}};
    for (const auto& [outcome, count] : {std::pair("written", report.written), std::pair("lost", report.lost)}) {
      Labels with = labels;
      with.push_back({"outcome", outcome});
      events.add(std::move(with), number(count));
    }
    up.add(labels, report.problem.empty() ? 1 : 0);
  }
  families.push_back(events.take());
  families.push_back(up.take());
}

}  // namespace tidegate::metrics
