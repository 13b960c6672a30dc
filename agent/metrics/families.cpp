// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/families.hpp"

#include <string>
#include <utility>

#include "agent/metrics/export_families.hpp"
#include "agent/metrics/family.hpp"
#include "agent/metrics/rule_families.hpp"

namespace tidegate::metrics {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

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

const char* kind_of(inspect::CounterKind kind) {
  switch (kind) {
    case inspect::CounterKind::kTraffic:
      return "traffic";
    case inspect::CounterKind::kLoss:
      return "loss";
    case inspect::CounterKind::kHostile:
      return "hostile";
  }
  return "unknown";
}

// A family for each counter of counters.def. Without inspection there are none.
void inspector_counters(std::vector<MetricFamily>& families, const inspection::Report& inspector) {
  for (std::size_t i = 0; i < inspect::kCounters; ++i) {
    const auto counter = static_cast<inspect::Counter>(i);
    const auto& text = text_of(counter);
    Family family("tidegate_inspector_" + std::string(text.name) + "_total",
                  std::string(text.help) + " (" + kind_of(text.kind) + ").", MetricType::Counter);
    family.add({}, number(inspector.counters.of(counter)));
    families.push_back(family.take());
  }
}

void inspector_keys(std::vector<MetricFamily>& families, const inspection::Report& inspector) {
  Family lines("tidegate_inspector_key_lines_total", "Key lines by source and what became of them.",
               MetricType::Counter);
  for (const auto& source : inspector.keys) {
    const std::pair<const char*, std::uint64_t> outcomes[] = {
        {"accepted", source.accepted}, {"malformed", source.malformed}, {"dropped", source.dropped}};
    for (const auto& [outcome, count] : outcomes) {
      lines.add({{"source", source.kind}, {"path", source.path}, {"outcome", outcome}}, number(count));
    }
  }
  families.push_back(lines.take());
}

void inspector(std::vector<MetricFamily>& families, const inspection::Report& inspector) {
  single(families, "tidegate_inspector_up", "1 while the inspector runs.",
         inspector.state == inspection::State::kRunning);
  if (inspector.state == inspection::State::kOff) return;
  inspector_counters(families, inspector);
  inspector_keys(families, inspector);
  Family restarts("tidegate_inspector_restarts_total", "Times that the inspector ended and was started again.",
                  MetricType::Counter);
  restarts.add({}, number(inspector.restarts));
  families.push_back(restarts.take());
  single(families, "tidegate_payload_examiner_up", "1 while payloads are examined.",
         inspector.payloads.state == inspection::State::kRunning);
  Family examiner("tidegate_payload_examiner_restarts_total",
                  "Times that the examiner of payloads ended and was started again.", MetricType::Counter);
  examiner.add({}, number(inspector.payloads.restarts));
  families.push_back(examiner.take());
  single(families, "tidegate_inspector_open_connections", "Connections followed now.",
         number(inspector.open_connections));
  single(families, "tidegate_inspector_sessions", "TLS sessions whose keys are kept.", number(inspector.sessions));
  single(families, "tidegate_inspector_memory_bytes", "Memory of its budget in use.", number(inspector.memory));
  single(families, "tidegate_inspector_resident_bytes", "Resident memory of its process.",
         number(inspector.resident_bytes));
  single(families, "tidegate_inspector_ring_fill", "Fill of the fullest capture ring, 0 to 1.", inspector.ring_fill);
  single(families, "tidegate_inspector_shedding", "0 none, 1 new connections, 2 and what servers send.",
         inspector.shedding);
  single(families, "tidegate_inspector_secrets_locked", "1 while all memory that session keys are in is locked.",
         inspector.secrets_locked);
}

}  // namespace

std::vector<MetricFamily> make_families(const control::StatusReport& status,
                                        const std::vector<telemetry::ExactCount>& counts) {
  std::vector<MetricFamily> families;
  traffic(families, counts);
  interfaces(families, status);
  tables(families, status);
  health(families, status);
  inspector(families, status.inspector);
  add_rules(families, status.rules);
  add_exports(families, status.exports);
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
