// SPDX-License-Identifier: Apache-2.0
// Behaviour rules of a policy (docs/rules.md).
#pragma once

#include "agent/behavior/rule.hpp"
#include "agent/config/values.hpp"
#include "agent/policy/model.hpp"

namespace tidegate::config {

// Fills `rules` from the `rules` section, which refers to the services read before. The section is kept word for word
// as well, so that differences can be shown.
void read_rules(const Node* node, const Values& values, policy::Policy& policy, behavior::RuleSet& rules);

// The `behavior` section: what holds for all rules together.
void read_behavior(const Node* node, const Values& values, policy::Policy& policy, behavior::Settings& settings);

}  // namespace tidegate::config
