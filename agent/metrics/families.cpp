// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/families.hpp"

#include <string>
#include <utility>

namespace tidegate::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

// One family, filled row by row.
class Family {
 public:
  Family(std::string name, std::string help, MetricType type) : family_{std::move(name), std::move(help), type, {}} {}

  void add(Labels labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    if (family_.type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    family_.metric.push_back(std::move(metric));
  }
  MetricFamily take() { return std::move(family_); }

 private:
  MetricFamily family_;
};

double number(std::uint64_t value) { return static_cast<double>(value); }
double seconds(std::chrono::nanoseconds value) { return std::chrono::duration<double>(value).count(); }

void add_verdicts(Family& family, Labels labels, std::uint64_t passed, std::uint64_t dropped) {
  labels.push_back({"verdict", "pass"});
  family.add(labels, number(passed));
  labels.back().value = "drop";
  family.add(std::move(labels), number(dropped));
}

void traffic(std::vector<MetricFamily>& families, const std::vector<telemetry::ExactCount>& counts) {
  Family packets("tidegate_packets_total", "Packets by service, reason and verdict.", MetricType::Counter);
  Family bytes("tidegate_bytes_total", "L3 bytes by service, reason and verdict.", MetricType::Counter);
  for (const auto& count : counts) {
    const Labels labels{{"service", count.service}, {"reason", std::string(telemetry::reason_name(count.reason))}};
    add_verdicts(packets, labels, count.passed.packets, count.dropped.packets);
    add_verdicts(bytes, labels, count.passed.bytes, count.dropped.bytes);
  }
  families.push_back(packets.take());
  families.push_back(bytes.take());
}

void interfaces(std::vector<MetricFamily>& families, const control::StatusReport& status) {
  Family packets("tidegate_interface_packets_total", "Packets by interface and verdict.", MetricType::Counter);
  Family bytes("tidegate_interface_bytes_total", "L3 bytes by interface and verdict.", MetricType::Counter);
  Family attached("tidegate_interface_attached", "1 where packets are judged.", MetricType::Gauge);
  for (const auto& entry : status.interfaces) {
    const Labels labels{{"interface", entry.interface.state.interface}};
    add_verdicts(packets, labels, entry.traffic.passed.packets, entry.traffic.dropped.packets);
    add_verdicts(bytes, labels, entry.traffic.passed.bytes, entry.traffic.dropped.bytes);
    attached.add(labels, entry.interface.state.attached ? 1 : 0);
  }
  families.push_back(packets.take());
  families.push_back(bytes.take());
  families.push_back(attached.take());
}

void tables(std::vector<MetricFamily>& families, const control::StatusReport& status) {
  Family entries("tidegate_table_entries", "Entries in use.", MetricType::Gauge);
  Family capacity("tidegate_table_capacity", "Entries there is room for.", MetricType::Gauge);
  Family memory("tidegate_table_memory_bytes", "Kernel memory of the table.", MetricType::Gauge);
  for (const auto& table : status.tables) {
    const Labels labels{{"table", table.name}};
    entries.add(labels, number(table.entries));
    capacity.add(labels, number(table.capacity));
    memory.add(labels, number(table.memory_bytes));
  }
  families.push_back(entries.take());
  families.push_back(capacity.take());
  families.push_back(memory.take());
}

void single(std::vector<MetricFamily>& families, const char* name, const char* help, double value) {
  Family family(name, help, MetricType::Gauge);
  family.add({}, value);
  families.push_back(family.take());
}

void health(std::vector<MetricFamily>& families, const control::StatusReport& status) {
  Family faults("tidegate_faults_total", "What went wrong inside the datapath (docs/metrics.md).", MetricType::Counter);
  for (const auto& [name, count] : status.faults) faults.add({{"fault", name}}, number(count));
  families.push_back(faults.take());
  Family ages("tidegate_age_seconds", "Age of what can be stale.", MetricType::Gauge);
  for (const auto& [name, age] : status.ages) ages.add({{"of", name}}, seconds(age));
  families.push_back(ages.take());
  Family features("tidegate_feature_available", "1 where the kernel has the feature.", MetricType::Gauge);
  for (const auto& feature : status.features) features.add({{"feature", feature.name}}, feature.available ? 1 : 0);
  families.push_back(features.take());
}

}  // namespace

std::vector<MetricFamily> make_families(const control::StatusReport& status,
                                        const std::vector<telemetry::ExactCount>& counts) {
  std::vector<MetricFamily> families;
  traffic(families, counts);
  interfaces(families, status);
  tables(families, status);
  health(families, status);
  single(families, "tidegate_policy_generation", "The policy generation in force, 0 for none.",
         number(status.generation));
  single(families, "tidegate_enforcing", "0 in dry-run of the whole host or without a policy.", status.enforcing);
  single(families, "tidegate_confirm_pending", "1 while a policy waits for confirm.", status.confirm_by.has_value());
  single(families, "tidegate_decisions", "Decisions in the store.", number(status.decisions));
  single(families, "tidegate_warnings", "Warnings that `tidegate status` shows.", number(status.warnings.size()));
  single(families, "tidegate_resident_bytes", "Memory of the agent, tables not included.", number(status.agent_memory));
  return families;
}

}  // namespace tidegate::metrics
