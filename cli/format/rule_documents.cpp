// SPDX-License-Identifier: Apache-2.0
// What behaviour rules do, as documents.
#include "cli/format/documents.hpp"

namespace tidegate::cli {
namespace {

template <typename Counts>
Json counts_of(const Counts& counts) {
  Json document = Json::object();
  for (const auto& count : counts) document[count.name()] = count.count();
  return document;
}

}  // namespace

Json document_of(const v1::RuleFigures& rule) {
  return {{"rule", rule.name()},
          {"action", rule.action()},
          {"mode", rule.shadow() ? "shadow" : "enforce"},
          {"matched", rule.matched()},
          {"matched_per_second", rounded(rule.matched_per_second())},
          {"fired", rule.fired()},
          {"fired_per_second", rounded(rule.fired_per_second())},
          {"enforced", rule.enforced()},
          {"held_back", counts_of(rule.held_back())},
          {"suppressed", rule.suppressed()},
          {"evicted", rule.evicted()},
          {"last_fired", time_or_null(rule.has_last_fired(), rule.last_fired())}};
}

Json document_of(const v1::RulesStatus& rules) {
  return {{"in_force", rules.rules_size()}, {"requests", rules.summaries()},
          {"late", rules.late()},           {"unproven", rules.unproven()},
          {"keys", rules.keys()},           {"bytes", rules.bytes()},
          {"budget_bytes", rules.budget()}, {"evicted", rules.evicted()},
          {"enforced", rules.enforced()},   {"held_back", counts_of(rules.held_back())},
          {"alarms", rules.alarms()},       {"dropped", rules.dropped()},
          {"refused", rules.refused()},     {"by_rule", documents_of(rules.rules())}};
}

}  // namespace tidegate::cli
