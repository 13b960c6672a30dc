// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/api/convert.hpp"

namespace tidegate::api {
namespace {

// Protobuf texts have to be UTF-8, and this is a peer's.
std::string utf8_of(const std::string& text) { return decisions::printable(text); }

template <typename Message>
void fill_counts(Message& to, const control::NamedCounts& from) {
  for (const auto& [name, count] : from) {
    auto* row = to.add_held_back();
    row->set_name(std::string(name));
    row->set_count(count);
  }
}

void fill_connection(v1::RuleFinding& to, const telemetry::RuleFinding& from) {
  if (from.client.address != Address{}) to.set_client(from.client.address.to_string());
  to.set_client_port(from.client.port);
  if (from.server.address != Address{}) to.set_server(from.server.address.to_string());
  to.set_server_port(from.server.port);
  if (from.named != Address{}) to.set_named(from.named.to_string());
}

void fill_evidence(v1::Evidence& to, const telemetry::RuleFinding& from) {
  to.set_text(from.evidence);
  to.set_observed(from.observed);
  to.set_threshold(from.threshold);
  to.set_estimated(from.estimated);
  set_duration(to.mutable_window(), from.window);
  for (const auto& example : from.examples) {
    auto* row = to.add_examples();
    row->set_path_template(utf8_of(example.path_template));
    set_time(row->mutable_time(), example.time);
  }
}

void fill(v1::RuleFinding& to, const telemetry::RuleFinding& from) {
  to.set_rule(from.rule);
  to.set_outcome(from.outcome);
  to.set_explanation(from.explanation);
  to.set_service(from.service);
  fill_connection(to, from);
  if (from.source) to.set_source(from.source->to_string());
  to.set_session(from.session);
  to.set_account(from.account);
  to.set_ja4(utf8_of(from.ja4));
  set_time(to.mutable_time(), from.time);
  set_duration(to.mutable_lasts(), from.lasts);
  to.set_repetition(from.repetition);
  to.set_priority(static_cast<std::uint32_t>(std::max(0, from.priority)));
  fill_evidence(*to.mutable_evidence(), from);
}

}  // namespace

void fill(v1::DecisionEvent& to, const telemetry::DecisionDetail& from) {
  to.set_change(std::string(to_string(from.change)));
  to.set_id(from.id);
  to.set_action(from.action);
  if (from.target) to.set_target(from.target->to_string());
  to.set_origin(from.origin);
  to.set_actor(from.actor);
  to.set_reason(from.reason);
  if (from.created) set_time(to.mutable_created(), *from.created);
  if (from.expires) set_time(to.mutable_expires(), *from.expires);
  if (!from.packets.empty() || !from.bytes.empty()) {
    to.mutable_limit()->set_packets(from.packets);
    to.mutable_limit()->set_bytes(from.bytes);
  }
  to.set_count(from.count);
  if (from.finding) fill(*to.mutable_finding(), *from.finding);
}

void fill(v1::ExportStatus& to, const exports::Report& from) {
  to.set_kind(from.kind);
  to.set_path(from.path);
  to.set_written(from.written);
  to.set_lost(from.lost);
  to.set_problem(from.problem);
}

void fill(v1::RuleFigures& to, const control::RuleFigures& from) {
  to.set_name(from.name);
  to.set_action(std::string(from.action));
  to.set_shadow(from.shadow);
  to.set_matched(from.matched);
  to.set_fired(from.fired);
  to.set_enforced(from.enforced);
  to.set_suppressed(from.suppressed);
  to.set_evicted(from.evicted);
  fill_counts(to, from.held_back);
  if (from.last_fired) set_time(to.mutable_last_fired(), *from.last_fired);
  to.set_matched_per_second(from.matched_per_second);
  to.set_fired_per_second(from.fired_per_second);
}

void fill(v1::RulesStatus& to, const control::RuleReport& from) {
  for (const auto& rule : from.rules) fill(*to.add_rules(), rule);
  to.set_summaries(from.summaries);
  to.set_late(from.late);
  to.set_unproven(from.unproven);
  to.set_keys(from.keys);
  to.set_bytes(from.bytes);
  to.set_budget(from.budget);
  to.set_evicted(from.evicted);
  to.set_enforced(from.enforced);
  fill_counts(to, from.held_back);
  to.set_alarms(from.alarms);
  to.set_dropped(from.dropped);
  to.set_refused(from.refused);
}

}  // namespace tidegate::api
