// SPDX-License-Identifier: Apache-2.0
// The warnings of `tidegate status`: each one sentence with its remedy, most urgent first.
#include <algorithm>
#include <map>

#include "agent/control/inspection_warnings.hpp"
#include "agent/control/status.hpp"
#include "bpf/abi/limits.h"

namespace tidegate::control {
namespace {

using Warnings = std::vector<std::string>;

constexpr std::uint64_t kNearlyFullPercent = 90;
constexpr std::chrono::seconds kStale{15};
constexpr std::uint8_t kTcp = 6;
constexpr std::uint16_t kHttpsPort = 443;

void unprotected(Warnings& warnings, const WarningInput& input) {
  if (input.in_force == nullptr) {
    warnings.push_back("no policy is in force: nothing is limited; `tidegate policy apply FILE`");
  }
  for (const auto& record : input.detached) {
    warnings.push_back(record.interface + " is detached since " + to_rfc3339(record.since) + " (" + record.actor +
                       "): nothing is enforced there; `tidegate attach --interface " + record.interface + "`");
  }
  for (const auto& entry : input.report.interfaces) {
    const auto& interface = entry.interface;
    if (!interface.wanted || interface.state.attached) continue;
    const std::string why = interface.state.problem.empty() ? "not attached yet" : interface.state.problem;
    warnings.push_back(interface.state.interface + " is not protected: " + why);
  }
}

void not_dropping(Warnings& warnings, const WarningInput& input) {
  if (input.in_force == nullptr) return;
  const auto& policy = input.in_force->policy;
  if (!policy.enforce) {
    warnings.push_back("the whole host is in dry-run (`enforce: false`): nothing is dropped");
  }
  if (policy.interfaces.empty()) warnings.push_back("the policy names no interface: nothing is enforced");
  for (const auto& service : policy.services) {
    if (service.dry_run) warnings.push_back("service " + service.name + " is in dry-run: nothing of it is dropped");
  }
}

void waiting(Warnings& warnings, const WarningInput& input) {
  if (!input.report.confirm_by) return;
  warnings.push_back("generation " + std::to_string(input.report.generation) + " waits for `tidegate policy confirm` " +
                     "until " + to_rfc3339(*input.report.confirm_by) + " and is taken back then");
}

// What is said of the decisions already is not said twice.
void tasks(Warnings& warnings, const WarningInput& input) {
  for (const auto& problem : input.task_problems) {
    const bool said = !input.decision_problem.empty() && problem.find(input.decision_problem) != std::string::npos;
    if (!said) warnings.push_back(problem + "; it is tried again");
  }
}

void tables(Warnings& warnings, const WarningInput& input) {
  if (!input.decision_problem.empty()) {
    warnings.push_back("not every decision is in the datapath: " + input.decision_problem);
  }
  if (input.refused_connections.count > 0) {
    warnings.push_back(
        std::to_string(input.refused_connections.count) +
        " connections of blocked sessions or accounts were not blocked: " + input.refused_connections.why);
  }
  for (const auto& table : input.report.tables) {
    if (table.capacity == 0 || table.entries * 100 < table.capacity * kNearlyFullPercent) continue;
    warnings.push_back("table " + table.name + " is nearly full: " + std::to_string(table.entries) + " of " +
                       std::to_string(table.capacity) + " entries");
  }
}

void stale(Warnings& warnings, const WarningInput& input) {
  if (!input.policy_file_problem.empty()) warnings.push_back(input.policy_file_problem);
  for (const auto& [name, age] : input.report.ages) {
    if (name == "policy" || age < kStale) continue;
    warnings.push_back(name + ": last refreshed " +
                       std::to_string(std::chrono::duration_cast<std::chrono::seconds>(age).count()) + " s ago");
  }
}

void descriptions(Warnings& warnings, const WarningInput& input) {
  if (input.in_force == nullptr) return;
  for (const auto& service : input.in_force->policy.services) {
    if (!service.openapi || service.openapi->problem.empty()) continue;
    warnings.push_back("requests are not held against their API description: " + service.openapi->problem);
  }
  warnings.insert(warnings.end(), input.changed_descriptions.begin(), input.changed_descriptions.end());
}

void degraded(Warnings& warnings, const WarningInput& input) {
  for (const auto& entry : input.report.interfaces) {
    if (!entry.interface.state.attached || entry.interface.state.mode != "generic") continue;
    warnings.push_back(entry.interface.state.interface +
                       " runs in generic mode, as the policy asks: several times slower");
  }
  for (const auto& feature : input.report.features) {
    if (!feature.available) warnings.push_back(feature.name + " is missing: " + feature.consequence);
  }
  for (const auto& problem : input.guard_problems) warnings.push_back("lock-out guard: " + problem);
}

// The datapath counts by the index of the interface, modulo the size of its table.
void shared_counters(Warnings& warnings, const WarningInput& input) {
  std::map<unsigned, std::string> by_slot;
  for (const auto& entry : input.report.interfaces) {
    const auto& state = entry.interface.state;
    if (!state.attached) continue;
    const auto [first, fresh] = by_slot.emplace(state.ifindex % TG_INTERFACES, state.interface);
    if (fresh) continue;
    warnings.push_back(first->second + " and " + state.interface +
                       " share their packet counters, for their indexes differ by " + "a multiple of " +
                       std::to_string(TG_INTERFACES) +
                       ": each shows the sum; make one of them anew (ip link) for another index");
  }
}

std::string fault_text(const std::string& name) {
  if (name == "set_full") return "sources met a full set and share an aggregate bucket; raise tables.buckets";
  if (name == "cas_exhausted") return "packets could not charge their bucket (reason contention)";
  if (name == "event_lost") return "samples were lost: estimates are less exact";
  if (name == "map_missing") return "the datapath failed open (reason internal): this is a bug, please report it";
  return {};
}

void faults(Warnings& warnings, const WarningInput& input) {
  for (const auto& [name, count] : input.report.faults) {
    const std::string text = fault_text(name);
    if (count > 0 && !text.empty()) warnings.push_back(std::to_string(count) + " times since boot: " + text);
  }
}

bool takes_https(const policy::Service& service) {
  return service.is_default || std::any_of(service.match.begin(), service.match.end(), [](const policy::Match& match) {
           if (match.protocol != kTcp) return false;
           return !match.ports || (match.ports->first <= kHttpsPort && kHttpsPort <= match.ports->second);
         });
}

void policy_limits(Warnings& warnings, const WarningInput& input) {
  if (input.in_force == nullptr) return;
  for (const auto& warning : input.in_force->warnings) warnings.push_back(warning);
  const auto& policy = input.in_force->policy;
  for (const auto& service : policy.services) {
    if (!service.inspection.wanted() || !takes_https(service)) continue;
    warnings.push_back("udp/443 (HTTP/3) is not inspected, only limited, while service " + service.name +
                       " inspects tcp/443");
    break;
  }
  if (policy.not_enforced.empty()) return;
  std::string names;
  for (const auto& name : policy.not_enforced) names += (names.empty() ? "" : ", ") + name;
  warnings.push_back("not enforced by this version: " + names);
}

}  // namespace

std::vector<std::string> make_warnings(const WarningInput& input) {
  Warnings warnings;
  unprotected(warnings, input);
  not_dropping(warnings, input);
  waiting(warnings, input);
  tasks(warnings, input);
  tables(warnings, input);
  inspection_warnings(warnings, input.report.inspector);
  for (const auto& problem : input.capture_problems) warnings.push_back(problem);
  for (const auto& problem : input.report.rules.warnings) warnings.push_back(problem);
  for (const auto& exported : input.report.exports) {
    if (!exported.problem.empty())
      warnings.push_back(exported.problem + "; " + std::to_string(exported.lost) + " events were lost since start");
  }
  stale(warnings, input);
  descriptions(warnings, input);
  degraded(warnings, input);
  shared_counters(warnings, input);
  faults(warnings, input);
  policy_limits(warnings, input);
  return warnings;
}

}  // namespace tidegate::control
