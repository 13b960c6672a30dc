// SPDX-License-Identifier: Apache-2.0
#include "agent/api/convert.hpp"

namespace tidegate::api {
namespace {

void fill(v1::Traffic* to, const telemetry::Traffic& from) {
  to->set_packets(from.packets);
  to->set_bytes(from.bytes);
}

void fill(v1::Rates* to, const telemetry::Rates& from) {
  to->set_packets_per_second(from.packets_per_second);
  to->set_bits_per_second(from.bits_per_second);
}

void fill_tables(v1::GetStatusResponse& to, const control::StatusReport& from) {
  for (const auto& table : from.tables) {
    auto* row = to.add_tables();
    row->set_name(table.name);
    row->set_entries(table.entries);
    row->set_capacity(table.capacity);
    row->set_memory_bytes(table.memory_bytes);
  }
  to.set_tables_memory_bytes(from.tables_memory);
  to.set_agent_memory_bytes(from.agent_memory);
}

void fill_health(v1::GetStatusResponse& to, const control::StatusReport& from) {
  for (const auto& warning : from.warnings) to.add_warnings(warning);
  for (const auto& feature : from.features) {
    auto* row = to.add_features();
    row->set_name(feature.name);
    row->set_available(feature.available);
    row->set_consequence(feature.consequence);
  }
  for (const auto& [name, count] : from.faults) {
    auto* row = to.add_faults();
    row->set_name(name);
    row->set_count(count);
  }
  for (const auto& [name, age] : from.ages) {
    auto* row = to.add_ages();
    row->set_name(name);
    set_duration(row->mutable_age(), age);
  }
}

}  // namespace

void fill(v1::InterfaceStatus& to, const control::InterfaceReport& from) {
  const auto& state = from.interface.state;
  to.set_name(state.interface);
  to.set_mode(state.mode);
  to.set_attached(state.attached);
  to.set_detached_by_operator(from.interface.detached_by_operator);
  fill(to.mutable_passed(), from.traffic.passed);
  fill(to.mutable_dropped(), from.traffic.dropped);
  fill(to.mutable_passed_rate(), from.traffic.passed_rate);
  fill(to.mutable_dropped_rate(), from.traffic.dropped_rate);
  to.set_problem(state.problem);
}

void fill(v1::CounterRow& to, const telemetry::CounterRow& from) {
  to.set_name(from.name);
  fill(to.mutable_passed(), from.passed);
  fill(to.mutable_dropped(), from.dropped);
  fill(to.mutable_would_drop(), from.would_drop);
  fill(to.mutable_passed_rate(), from.passed_rate);
  fill(to.mutable_dropped_rate(), from.dropped_rate);
}

void fill(v1::GetStatusResponse& to, const control::StatusReport& from) {
  to.set_version(from.version);
  to.set_policy_generation(from.generation);
  to.set_enforcing(from.enforcing);
  for (const auto& interface : from.interfaces) fill(*to.add_interfaces(), interface);
  fill_tables(to, from);
  fill(*to.mutable_inspector(), from.inspector);
  fill_health(to, from);
  for (const auto& name : from.not_enforced) to.add_not_enforced(name);
  set_time(to.mutable_started(), from.started);
  if (from.confirm_by) set_time(to.mutable_confirm_by(), *from.confirm_by);
  for (const auto& row : from.counters.services) fill(*to.add_services(), row);
  for (const auto& row : from.counters.reasons) fill(*to.add_reasons(), row);
  to.set_decisions(from.decisions);
  fill(*to.mutable_rules(), from.rules);
  for (const auto& report : from.exports) fill(*to.add_exports(), report);
}

void fill(v1::WhyResponse& to, const control::WhyReport& from) {
  to.set_address(from.address.to_string());
  to.set_verdict(from.verdict);
  to.set_summary(from.summary);
  to.set_estimated(true);
  for (const auto& match : from.matches) {
    auto* row = to.add_matches();
    row->set_kind(match.kind);
    row->set_origin(match.origin);
    row->set_target(match.target);
    row->set_reason(match.reason);
    row->set_evidence(match.evidence);
    if (match.expires) set_time(row->mutable_expires(), *match.expires);
    row->set_packets(match.packets);
    row->set_bytes(match.bytes);
    row->set_undo(match.undo);
  }
}

}  // namespace tidegate::api
