// SPDX-License-Identifier: Apache-2.0
// policy.yaml to policy::Policy and behavior::RuleSet. docs/policy.md and docs/rules.md are the grammar.
#pragma once

#include <string>
#include <vector>

#include "agent/behavior/rule.hpp"
#include "agent/policy/model.hpp"

namespace tidegate::config {

// A policy as far as it could be read, and everything that is wrong with it, in the order of the file.
struct ParsedPolicy {
  policy::Policy policy;
  behavior::RuleSet rules;
  std::vector<policy::Issue> issues;  // at most 100
  // True when no issue is an error; only then may `policy` be used.
  bool valid() const;
};

// Reads the whole text and collects every error with line and column. The text is foreign: at most 1 MiB, nested at
// most 32 deep, no anchors, aliases, tags or second document. Syntax and single values only; what needs the whole
// policy (overlaps, capacities, rates) is policy::compile_all's; config::check_policy does both.
ParsedPolicy read_policy(std::string text);

// "FILE:LINE:COL: message", "FILE:LINE:COL: warning: message"; without a location "FILE: message".
std::string format_issue(const std::string& file, const policy::Issue& issue);

}  // namespace tidegate::config
