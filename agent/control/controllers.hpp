// SPDX-License-Identifier: Apache-2.0
// All controllers over one environment.
#pragma once

#include "agent/control/attach.hpp"
#include "agent/control/decision_controller.hpp"
#include "agent/control/policy_controller.hpp"
#include "agent/control/safelist_controller.hpp"
#include "agent/control/status.hpp"
#include "agent/control/why.hpp"

namespace tidegate::control {

// Thread-safe as its parts are. Locks are taken in this order: policy, safelist or decisions; attach; enforcement.
struct Controllers {
  explicit Controllers(Environment environment);
  Controllers(const Controllers&) = delete;
  Controllers& operator=(const Controllers&) = delete;

  // Policy, decisions and interfaces as they were, or from the policy file at the first start. The error of a first
  // start is final; later, enforcement that exists goes on, and what is wrong is returned as `problems`.
  struct StartReport {
    std::vector<std::string> problems;
  };
  Result<StartReport> start();

  const Environment env;
  Enforcement enforcement;
  AttachController attach;
  PolicyController policy;
  IdentityBlocks identities;
  DecisionController decisions;
  SafelistController safelist;
  StatusController status;
  WhyController why;
};

}  // namespace tidegate::control
