// SPDX-License-Identifier: Apache-2.0
#include "agent/control/controllers.hpp"

#include <utility>

namespace tidegate::control {

Controllers::Controllers(Environment environment)
    : env(std::move(environment)),
      enforcement(env),
      attach(env, enforcement),
      policy(env, enforcement, attach),
      identities(env, enforcement),
      decisions(env, enforcement, identities),
      safelist(env, enforcement),
      status(env, enforcement, attach, policy, decisions, identities),
      why(env, enforcement, attach, safelist, identities) {}

// Decisions come before the policy, so that an interface is never attached without the blocks that were promised.
Result<Controllers::StartReport> Controllers::start() {
  StartReport report;
  if (const auto done = decisions.start(); !done) report.problems.push_back(done.error().message);
  if (const auto done = policy.start(); !done) {
    if (done.error().code != ErrorCode::kNotFound) return std::unexpected(done.error());
    report.problems.push_back(done.error().message);
  }
  if (const auto done = policy.revert_overdue(); !done) report.problems.push_back(done.error().message);
  if (const auto done = attach.start(); !done) report.problems.push_back(done.error().message);
  status.refresh();
  return report;
}

}  // namespace tidegate::control
