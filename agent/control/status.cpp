// SPDX-License-Identifier: Apache-2.0
#include "agent/control/status.hpp"

#include <algorithm>

#include "agent/control/rule_engine.hpp"

namespace tidegate::control {

StatusController::StatusController(const Environment& environment, const Enforcement& enforcement,
                                   const AttachController& attach, const PolicyController& policy,
                                   const DecisionController& decisions, const IdentityBlocks& identities)
    : env_(environment),
      enforcement_(enforcement),
      attach_(attach),
      policy_(policy),
      decisions_(decisions),
      identities_(identities),
      started_(environment.clock.wall()) {}

void StatusController::add_interfaces(StatusReport& report) const {
  for (auto& state : attach_.states()) {
    InterfaceReport entry{std::move(state), {}};
    const auto& rows = report.counters.interfaces;
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const telemetry::CounterRow& candidate) {
      return candidate.number == entry.interface.state.ifindex && candidate.number != 0;
    });
    if (row != rows.end()) entry.traffic = *row;
    report.interfaces.push_back(std::move(entry));
  }
}

void StatusController::add_ages(StatusReport& report) const {
  if (const auto age = env_.telemetry.counters_age()) report.ages.emplace_back("counters", *age);
  if (const auto age = decisions_.sync_age()) report.ages.emplace_back("decisions in the datapath", *age);
  if (const auto generation = env_.history.in_force(); generation && *generation) {
    report.ages.emplace_back("policy", env_.clock.wall() - (*generation)->applied);
  }
}

StatusReport StatusController::report() const {
  StatusReport report;
  report.version = env_.version;
  const auto present = enforcement_.in_force();
  if (present) {
    report.generation = present->generation;
    report.enforcing = present->policy.enforce;
    report.not_enforced = present->policy.not_enforced;
  }
  report.counters = env_.telemetry.counters();
  add_interfaces(report);
  report.tables = env_.datapath.tables();
  report.tables.push_back({"identities", identities_.size(), IdentityBlocks::kMost, 0});
  for (const auto& table : report.tables) report.tables_memory += table.memory_bytes;
  report.features = env_.datapath.features();
  for (std::size_t fault = 0; fault < std::min<std::size_t>(report.counters.faults.size(), TG_FAULT_COUNT); ++fault) {
    report.faults.emplace_back(telemetry::fault_name(static_cast<unsigned>(fault)), report.counters.faults[fault]);
  }
  add_ages(report);
  report.started = started_;
  if (const auto pending = policy_.pending(); pending && pending->generation == report.generation) {
    report.confirm_by = pending->confirm_by;
  }
  report.decisions = decisions_.count();
  report.agent_memory = env_.resident_bytes();
  if (env_.inspection != nullptr) report.inspector = env_.inspection->report();
  if (env_.rules != nullptr) report.rules = env_.rules->report();
  if (env_.exports) report.exports = env_.exports();
  const Checked checked = *checked_.lock();
  report.warnings =
      make_warnings({.report = report,
                     .in_force = present.get(),
                     .detached = env_.history.detached().value_or(std::vector<history::DetachedInterface>{}),
                     .decision_problem = decisions_.problem(),
                     .refused_connections = identities_.refused(),
                     .policy_file_problem = checked.policy_file_problem,
                     .guard_problems = checked.guard_problems,
                     .capture_problems = checked.capture_problems,
                     .changed_descriptions = checked.changed_descriptions,
                     .task_problems = env_.task_problems ? env_.task_problems() : std::vector<std::string>{}});
  return report;
}

std::vector<std::string> StatusController::check_capture(const policy::Policy& policy) {
  if (env_.inspection == nullptr) return {};
  // The inspector's figure last: what is in both is never missed there.
  const auto counters = env_.telemetry.counters();
  return capture_.lock()->look(policy, counters, env_.inspection->report());
}

void StatusController::refresh() {
  Checked checked;
  if (const auto present = enforcement_.in_force()) {
    const auto text = env_.policy_file();
    if (!text && text.error().code != ErrorCode::kNotFound) {
      checked.policy_file_problem = text.error().message;
    } else if (text && *text != present->policy.text) {
      checked.policy_file_problem = env_.policy_file_name +
                                    " differs from the policy that runs; `tidegate policy diff " +
                                    env_.policy_file_name + "` shows how";
    }
    checked.capture_problems = check_capture(present->policy);
    if (env_.changed_descriptions) checked.changed_descriptions = env_.changed_descriptions(present->policy);
  }
  checked.guard_problems = env_.host_facts().problems;
  *checked_.lock() = std::move(checked);
}

}  // namespace tidegate::control
