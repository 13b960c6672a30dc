// SPDX-License-Identifier: Apache-2.0
// How rules, and what they decided, are shown.
#pragma once

#include <memory>

#include "agent/behavior/evaluator.hpp"
#include "cli/format/output.hpp"
#include "cli/format/table.hpp"
#include "tidegate/v1/rules.pb.h"

namespace tidegate::cli {

// {name, service, key, condition, within, action, packets, bytes, for, mode, priority}
Json document_of(const behavior::Rule& rule);
// {time, kind, rule, service, target, key{…}, action, packets, bytes, for, repetition, shadow, enforced, obstacle,
// reason, evidence{observed, threshold, estimated, within, examples[{template, time}]}}
Json document_of(const behavior::Finding& finding);
// {rule, matched, fired, enforced, suppressed}
Json document_of(const behavior::Rule& rule, const behavior::RuleStatistics& statistics);

void print_rules(std::ostream& out, const Style& style, const std::vector<behavior::Rule>& rules);
// With what each did since it came in force: `figures` are of the same rules.
void print_live_rules(std::ostream& out, const Style& style, const std::vector<behavior::Rule>& rules,
                      const ::tidegate::v1::RulesStatus& figures);

std::unique_ptr<Table> finding_table(std::ostream& out, const Style& style);
Row row_of(const behavior::Finding& finding);
// "login-bruteforce: 120 requests, 2 decisions, 1 would be enforced"; rules that saw nothing in one line.
void print_totals(std::ostream& out, const behavior::Evaluator& evaluator);

}  // namespace tidegate::cli
