// SPDX-License-Identifier: Apache-2.0
#include "agent/api/convert.hpp"

namespace tidegate::api {
namespace {

template <typename Message>
void fill_counts(Message& to, const control::NamedCounts& from) {
  for (const auto& [name, count] : from) {
    auto* row = to.add_held_back();
    row->set_name(std::string(name));
    row->set_count(count);
  }
}

}  // namespace

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
