// SPDX-License-Identifier: Apache-2.0
// What the host does at this moment, and what an operator should know first.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/guarded.hpp"
#include "agent/control/attach.hpp"
#include "agent/control/capture_check.hpp"
#include "agent/control/decision_controller.hpp"
#include "agent/control/policy_controller.hpp"
#include "agent/control/rule_report.hpp"
#include "agent/export/report.hpp"

namespace tidegate::control {

struct InterfaceReport {
  InterfaceState interface;
  telemetry::CounterRow traffic;
};

struct StatusReport {
  std::string version;
  std::uint64_t generation = 0;  // 0: no policy
  bool enforcing = false;        // false: the whole host is in dry-run, or there is no policy
  std::vector<InterfaceReport> interfaces;
  std::vector<kernel::TableFill> tables;
  std::vector<std::string> warnings;  // most urgent first
  std::vector<kernel::Feature> features;
  std::vector<std::pair<std::string, std::uint64_t>> faults;
  std::vector<std::string> not_enforced;
  std::vector<std::pair<std::string, std::chrono::nanoseconds>> ages;
  WallTime started;
  std::optional<WallTime> confirm_by;
  telemetry::CounterView counters;
  inspection::Report inspector;
  RuleReport rules;
  std::vector<exports::Report> exports;
  std::uint64_t decisions = 0;
  std::uint64_t tables_memory = 0;
  std::uint64_t agent_memory = 0;
};

// What warnings are made of; so that they can be tested one by one.
struct WarningInput {
  const StatusReport& report;
  const InForce* in_force = nullptr;
  std::vector<history::DetachedInterface> detached;
  std::string decision_problem;
  IdentityBlocks::Refused refused_connections = {};
  std::string policy_file_problem;                 // differs from what runs, or cannot be read
  std::vector<std::string> guard_problems;         // what the lock-out guard could not find out
  std::vector<std::string> capture_problems = {};  // services whose traffic is not captured
  std::vector<std::string> changed_descriptions = {};
  std::vector<std::string> task_problems = {};
};
std::vector<std::string> make_warnings(const WarningInput& input);

// Thread-safe; takes no lock while it calls a controller.
class StatusController {
 public:
  StatusController(const Environment& environment, const Enforcement& enforcement, const AttachController& attach,
                   const PolicyController& policy, const DecisionController& decisions,
                   const IdentityBlocks& identities);

  StatusReport report() const;
  // Periodic: compares the policy file with what runs and the capture with the datapath, asks what the
  // guard cannot see.
  void refresh();

 private:
  struct Checked {
    std::string policy_file_problem;
    std::vector<std::string> guard_problems;
    std::vector<std::string> capture_problems;
    std::vector<std::string> changed_descriptions;
  };
  std::vector<std::string> check_capture(const policy::Policy& policy);
  void add_ages(StatusReport& report) const;
  void add_interfaces(StatusReport& report) const;

  const Environment& env_;
  const Enforcement& enforcement_;
  const AttachController& attach_;
  const PolicyController& policy_;
  const DecisionController& decisions_;
  const IdentityBlocks& identities_;
  const WallTime started_;
  Guarded<CaptureCheck> capture_;
  mutable Guarded<Checked> checked_;
};

}  // namespace tidegate::control
