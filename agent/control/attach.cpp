// SPDX-License-Identifier: Apache-2.0
#include "agent/control/attach.hpp"

#include <algorithm>

namespace tidegate::control {
namespace {

using telemetry::EventKind;

const kernel::AttachState* find(const std::vector<kernel::AttachState>& states, const std::string& interface) {
  const auto found = std::find_if(states.begin(), states.end(),
                                  [&](const kernel::AttachState& state) { return state.interface == interface; });
  return found == states.end() ? nullptr : &*found;
}

bool is_attached(const std::vector<kernel::AttachState>& states, const std::string& interface) {
  const auto* state = find(states, interface);
  return state != nullptr && state->attached;
}

const policy::Interface* find(const policy::Policy& policy, const std::string& interface) {
  const auto found = std::find_if(policy.interfaces.begin(), policy.interfaces.end(),
                                  [&](const policy::Interface& candidate) { return candidate.name == interface; });
  return found == policy.interfaces.end() ? nullptr : &*found;
}

policy::AttachMode mode_of(const kernel::AttachState& state) {
  return state.mode == "generic" ? policy::AttachMode::kGeneric : policy::AttachMode::kNative;
}

std::string names_of(const std::vector<policy::Interface>& interfaces) {
  std::string names;
  for (const auto& interface : interfaces) names += (names.empty() ? "" : ", ") + interface.name;
  return names.empty() ? "none" : names;
}

Error not_in_policy(const std::string& interface, const std::vector<policy::Interface>& interfaces) {
  return {ErrorCode::kNotFound, "interface " + interface + " is not in the policy (it names " + names_of(interfaces) +
                                    "); add it to `interfaces` and apply"};
}

}  // namespace

std::set<std::string> AttachController::detached() const {
  std::set<std::string> names;
  if (const auto records = env_.history.detached()) {
    for (const auto& record : *records) names.insert(record.interface);
  }
  return names;
}

std::vector<policy::Interface> AttachController::wanted() const {
  std::vector<policy::Interface> interfaces;
  const auto present = enforcement_.in_force();
  if (!present) return interfaces;
  const auto without = detached();
  std::copy_if(present->policy.interfaces.begin(), present->policy.interfaces.end(), std::back_inserter(interfaces),
               [&](const policy::Interface& interface) { return !without.contains(interface.name); });
  return interfaces;
}

Status AttachController::attach_one(const policy::Interface& interface) {
  const auto state = env_.datapath.attach(interface);
  if (state) {
    problems_.erase(interface.name);
    return {};
  }
  problems_[interface.name] = state.error().message;
  return std::unexpected(state.error());
}

Result<std::vector<InterfaceState>> AttachController::attach(const std::string& interface, const std::string& actor) {
  const std::lock_guard lock(mutex_);
  const auto present = enforcement_.in_force();
  if (!present)
    return fail(ErrorCode::kFailedPrecondition, "no policy is in force: `tidegate policy apply FILE` first");
  std::vector<policy::Interface> chosen = present->policy.interfaces;
  if (!interface.empty()) {
    const auto* one = find(present->policy, interface);
    if (one == nullptr) return std::unexpected(not_in_policy(interface, chosen));
    chosen = {*one};
  }
  for (const auto& each : chosen) {
    TIDEGATE_TRY(env_.history.clear_detached(each.name));
    const bool before = is_attached(env_.datapath.attachments(), each.name);
    TIDEGATE_TRY(attach_one(each));
    if (!before) env_.telemetry.note(EventKind::kAttach, each.name + " attached by " + actor);
  }
  return states_locked();
}

Result<std::vector<InterfaceState>> AttachController::detach(const std::string& interface, const std::string& actor) {
  const std::lock_guard lock(mutex_);
  const auto present = enforcement_.in_force();
  const auto attachments = env_.datapath.attachments();
  std::vector<std::string> chosen;
  if (present) {
    for (const auto& each : present->policy.interfaces) chosen.push_back(each.name);
  }
  for (const auto& each : attachments) {
    if (std::find(chosen.begin(), chosen.end(), each.interface) == chosen.end()) chosen.push_back(each.interface);
  }
  if (!interface.empty()) {
    if (std::find(chosen.begin(), chosen.end(), interface) == chosen.end()) {
      return std::unexpected(not_in_policy(interface, present ? present->policy.interfaces : wanted()));
    }
    chosen = {interface};
  }
  for (const auto& each : chosen) {
    TIDEGATE_TRY(env_.history.set_detached(each, actor));
    if (!is_attached(attachments, each)) continue;
    TIDEGATE_TRY(env_.datapath.detach(each));
    env_.telemetry.note(EventKind::kAttach, each + " detached by " + actor + ": no enforcement there");
  }
  return states_locked();
}

Status AttachController::attach_all(const policy::Policy& next) {
  const std::lock_guard lock(mutex_);
  const auto without = detached();
  const auto before = env_.datapath.attachments();
  std::vector<std::string> added;
  for (const auto& interface : next.interfaces) {
    if (without.contains(interface.name)) continue;
    const auto done = attach_one(interface);
    if (!done) {
      put_back_locked(before);
      return done;
    }
    if (!is_attached(before, interface.name)) added.push_back(interface.name);
  }
  for (const auto& name : added) env_.telemetry.note(EventKind::kAttach, name + " attached");
  return {};
}

// What cannot be had again at once stays a problem, and watch() goes on trying.
void AttachController::put_back_locked(const std::vector<kernel::AttachState>& before) {
  for (const auto& state : env_.datapath.attachments()) {
    if (is_attached(before, state.interface)) continue;
    problems_.erase(state.interface);
    (void)env_.datapath.detach(state.interface);
  }
  for (const auto& state : before) {
    if (!state.attached) continue;
    const auto now = env_.datapath.attachments();
    const auto* present = find(now, state.interface);
    if (present != nullptr && present->attached && present->mode == state.mode) {
      problems_.erase(state.interface);
    } else if (const auto done = attach_one({state.interface, mode_of(state), {}}); !done) {
      env_.telemetry.note(EventKind::kWarning,
                          state.interface + " lost its protection to a refused policy: " + done.error().message);
    }
  }
}

void AttachController::put_back(const std::vector<kernel::AttachState>& before) {
  const std::lock_guard lock(mutex_);
  put_back_locked(before);
}

std::vector<std::string> AttachController::drop_unnamed() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> failures;
  const auto present = enforcement_.in_force();
  if (!present) return failures;
  for (const auto& state : env_.datapath.attachments()) {
    if (find(present->policy, state.interface) != nullptr) continue;
    problems_.erase(state.interface);
    if (const auto done = env_.datapath.detach(state.interface); !done) {
      failures.push_back(done.error().message);
    } else {
      env_.telemetry.note(EventKind::kAttach, state.interface + " detached: the policy does not name it any more");
    }
  }
  return failures;
}

// Brings the datapath in line with what is wanted. Interfaces that do not exist stay a problem until they come.
void AttachController::settle() {
  const auto attachments = env_.datapath.attachments();
  for (const auto& name : detached()) {
    if (is_attached(attachments, name)) (void)env_.datapath.detach(name);
    problems_.erase(name);
  }
  for (const auto& interface : wanted()) {
    if (is_attached(attachments, interface.name)) {
      problems_.erase(interface.name);
      continue;
    }
    const bool known = problems_.contains(interface.name);
    if (attach_one(interface)) {
      env_.telemetry.note(EventKind::kAttach, interface.name + " attached");
    } else if (!known) {
      env_.telemetry.note(EventKind::kWarning, interface.name + " is not protected: " + problems_[interface.name]);
    }
  }
}

void AttachController::note_changes(const std::vector<kernel::AttachState>& changed) {
  for (const auto& state : changed) {
    const std::string what = state.attached ? ": " : " lost its protection: ";
    const std::string problem = state.problem.empty() ? "it is attached again" : state.problem;
    env_.telemetry.note(EventKind::kWarning, state.interface + what + problem);
  }
}

void AttachController::watch() {
  const std::lock_guard lock(mutex_);
  note_changes(env_.datapath.verify_attachments());
  settle();
}

Status AttachController::start() {
  const std::lock_guard lock(mutex_);
  settle();
  if (problems_.empty()) return {};
  return fail(ErrorCode::kUnavailable, problems_.begin()->second);
}

std::vector<InterfaceState> AttachController::states() const {
  const std::lock_guard lock(mutex_);
  return states_locked();
}

std::vector<InterfaceState> AttachController::states_locked() const {
  std::map<std::string, InterfaceState> by_name;
  for (const auto& state : env_.datapath.attachments()) by_name[state.interface].state = state;
  for (const auto& interface : wanted()) {
    auto& entry = by_name[interface.name];
    entry.wanted = true;
    const auto problem = problems_.find(interface.name);
    if (!entry.state.attached && problem != problems_.end()) entry.state.problem = problem->second;
  }
  for (const auto& name : detached()) by_name[name].detached_by_operator = true;
  std::vector<InterfaceState> states;
  for (auto& [name, entry] : by_name) {
    entry.state.interface = name;
    if (entry.state.mode.empty()) entry.state.mode = "-";
    states.push_back(std::move(entry));
  }
  return states;
}

}  // namespace tidegate::control
