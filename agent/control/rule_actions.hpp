// SPDX-License-Identifier: Apache-2.0
// What follows from the findings of behaviour rules on this host.
#pragma once

#include "agent/control/controllers.hpp"
#include "agent/control/rule_engine.hpp"

namespace tidegate::control {

// Findings to be enforced become decisions of origin rule:NAME, through guard, store and datapath as an operator's do;
// the others become events. Refers to the controllers until RuleEngine::stop().
RuleEngine::Actions rule_actions(Controllers& controllers);

}  // namespace tidegate::control
