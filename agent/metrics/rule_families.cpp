// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/rule_families.hpp"

#include "agent/metrics/family.hpp"

namespace tidegate::metrics {
namespace {

using control::RuleReport;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Figure = std::uint64_t control::RuleFigures::*;

void by_rule(std::vector<MetricFamily>& families, const RuleReport& rules, const char* name, const char* help,
             Figure figure) {
  Family family(name, help, MetricType::Counter);
  for (const auto& rule : rules.rules) family.add({{"rule", rule.name}}, number(rule.*figure));
  families.push_back(family.take());
}

// "enforced" of every rule; of the rest what there is.
void findings(std::vector<MetricFamily>& families, const RuleReport& rules) {
  Family family("tidegate_rule_findings_total", "Findings by rule and what became of them.", MetricType::Counter);
  for (const auto& rule : rules.rules) {
    family.add({{"rule", rule.name}, {"outcome", "enforced"}}, number(rule.enforced));
    for (const auto& [outcome, count] : rule.held_back)
      family.add({{"rule", rule.name}, {"outcome", std::string(outcome)}}, number(count));
  }
  families.push_back(family.take());
}

void last_fired(std::vector<MetricFamily>& families, const RuleReport& rules) {
  Family family("tidegate_rule_last_fired_timestamp_seconds", "When the rule fired last.", MetricType::Gauge);
  for (const auto& rule : rules.rules) {
    if (rule.last_fired) family.add({{"rule", rule.name}}, seconds(rule.last_fired->time_since_epoch()));
  }
  families.push_back(family.take());
}

void total(std::vector<MetricFamily>& families, const char* name, const char* help, MetricType type,
           std::uint64_t value) {
  Family family(name, help, type);
  family.add({}, number(value));
  families.push_back(family.take());
}

}  // namespace

void add_rules(std::vector<MetricFamily>& families, const RuleReport& rules) {
  if (rules.rules.empty()) return;
  by_rule(families, rules, "tidegate_rule_matched_total", "Requests that the rule counted.",
          &control::RuleFigures::matched);
  findings(families, rules);
  by_rule(families, rules, "tidegate_rule_suppressed_total", "Times that the rule would have fired in its cool-down.",
          &control::RuleFigures::suppressed);
  by_rule(families, rules, "tidegate_rule_evicted_total", "Keys that made room before their window was over.",
          &control::RuleFigures::evicted);
  last_fired(families, rules);
  const MetricType gauge = MetricType::Gauge;
  const MetricType counter = MetricType::Counter;
  total(families, "tidegate_rules", "Rules in force.", gauge, rules.rules.size());
  total(families, "tidegate_rules_keys", "Keys tracked.", gauge, rules.keys);
  total(families, "tidegate_rules_memory_bytes", "Memory that keys take.", gauge, rules.bytes);
  total(families, "tidegate_rules_memory_budget_bytes", "Memory that keys may take.", gauge, rules.budget);
  total(families, "tidegate_rules_requests_total", "Requests that rules looked at.", counter, rules.summaries);
  total(families, "tidegate_rules_late_total", "Requests of a time too far back to be counted.", counter, rules.late);
  total(families, "tidegate_rules_unproven_total", "Requests of clients whose address may be forged; not counted.",
        counter, rules.unproven);
  total(families, "tidegate_rules_evicted_total", "Keys of all rules that made room.", counter, rules.evicted);
  total(families, "tidegate_rules_alarms_total", "Times that a cap was reached.", counter, rules.alarms);
  total(families, "tidegate_rules_dropped_total", "Findings that came faster than they could be acted on.", counter,
        rules.dropped);
  total(families, "tidegate_rules_refused_total", "Findings that guard, store or datapath refused.", counter,
        rules.refused);
}

}  // namespace tidegate::metrics
