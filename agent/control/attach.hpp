// SPDX-License-Identifier: Apache-2.0
// Which interfaces enforce: what the policy names, less what an operator detached.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "agent/control/enforcement.hpp"
#include "agent/control/environment.hpp"

namespace tidegate::control {

struct InterfaceState {
  kernel::AttachState state;
  bool detached_by_operator = false;
  bool wanted = false;  // of the policy and not detached
};

// Thread-safe: one mutex over every change.
class AttachController {
 public:
  AttachController(const Environment& environment, const Enforcement& enforcement)
      : env_(environment), enforcement_(enforcement) {}

  // Attaches an interface of the policy, or all of them (`interface` empty), and forgets that it was detached.
  // kNotFound names the interfaces of the policy.
  Result<std::vector<InterfaceState>> attach(const std::string& interface, const std::string& actor);
  // Recorded first: an interface that was detached stays so across restarts. Empty: all.
  Result<std::vector<InterfaceState>> detach(const std::string& interface, const std::string& actor);

  // For a policy change: attaches what `next` names. All or nothing: on failure every interface is as it was.
  Status attach_all(const policy::Policy& next);
  // Takes a policy change back: what was attached is again, in the mode it had; what was not is detached.
  void put_back(const std::vector<kernel::AttachState>& before);
  // After a policy change: detaches what the policy does not name any more. Returns what could not be.
  std::vector<std::string> drop_unnamed();

  // Periodic: reattaches what went and came back, finishes what failed earlier. Notes every change as an event.
  void watch();
  // As watch(), when nothing is attached yet; returns the first problem, for main to say.
  Status start();

  std::vector<InterfaceState> states() const;

 private:
  std::set<std::string> detached() const;
  std::vector<policy::Interface> wanted() const;
  Status attach_one(const policy::Interface& interface);
  void put_back_locked(const std::vector<kernel::AttachState>& before);
  void settle();
  void note_changes(const std::vector<kernel::AttachState>& changed);
  std::vector<InterfaceState> states_locked() const;

  const Environment& env_;
  const Enforcement& enforcement_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> problems_;  // of wanted interfaces that are not attached
};

}  // namespace tidegate::control
