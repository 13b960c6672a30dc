// SPDX-License-Identifier: Apache-2.0
// When a rule fires, and what follows (docs/rules.md).
#pragma once

#include <string>

#include "agent/behavior/rule.hpp"
#include "agent/config/match_reader.hpp"

namespace tidegate::config {

behavior::Condition read_condition(const Node& node, const std::string& what, const Values& values,
                                   RuleMatches& matches);
behavior::Action read_action(const Node& node, const std::string& what, const Values& values);

}  // namespace tidegate::config
