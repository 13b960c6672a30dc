// SPDX-License-Identifier: Apache-2.0
// The policy: checked, compared, applied as a whole, confirmed or taken back.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/control/attach.hpp"
#include "agent/control/enforcement.hpp"
#include "agent/control/environment.hpp"
#include "agent/policy/diff.hpp"

namespace tidegate::control {

struct CheckReport {
  std::vector<policy::Issue> issues;
  std::vector<std::string> not_enforced;
  bool valid = false;
};

struct DiffReport {
  std::vector<policy::Change> changes;
  std::vector<policy::Issue> issues;
  bool valid = false;
};

struct ApplyRequest {
  std::string text;
  std::optional<std::chrono::nanoseconds> confirm_within;
  bool dry_run = false;
  bool force = false;
  std::string comment;
  std::string actor;
  std::vector<std::string> caller_peers = {};  // of the caller's own session: guarded like present SSH peers
};

struct RollbackRequest {
  std::uint64_t generation = 0;  // 0: to the one before that in force
  bool force = false;
  std::string actor;
  std::vector<std::string> caller_peers = {};
};

struct ApplyReport {
  std::uint64_t generation = 0;  // dry_run: that in force
  std::vector<policy::Change> changes;
  std::vector<policy::Issue> warnings;
  std::vector<std::string> not_enforced;
  std::optional<WallTime> confirm_by;
};

// Thread-safe: one mutex over every change; checks and reads take no lock of this class.
//
// A change is: record it (durable), write it into the datapath, attach what is new, finish the record (durable), and
// only then answer. When a step fails, the ones before are undone in reverse, so that the policy in force is the
// recorded one at every moment that anybody can observe; a crash between steps leaves an unfinished record, which
// start() ignores by writing what the history has in force.
class PolicyController {
 public:
  PolicyController(const Environment& environment, Enforcement& enforcement, AttachController& attach)
      : env_(environment), enforcement_(enforcement), attach_(attach) {}

  CheckReport check(const std::string& text) const;
  DiffReport diff(const std::string& text) const;
  // kInvalidArgument carries every error as a line; kFailedPrecondition: another apply waits for confirm, or the guard.
  Result<ApplyReport> apply(const ApplyRequest& request);
  Result<std::uint64_t> confirm(const std::string& actor);
  // While an apply waits for confirm, only back to the one it replaced.
  Result<ApplyReport> rollback(const RollbackRequest& request);
  // 0: that in force.
  Result<history::Generation> show(std::uint64_t generation) const;
  Result<std::vector<history::Generation>> history() const { return env_.history.list(); }

  // After start: puts in force what was, or, the first time, the policy file. kNotFound: there is no policy at all.
  Status start();
  // Periodic: takes back what was not confirmed in time. An error is one line; it is tried again next time. The
  // datapath does not wait for the record: on a full disk the earlier policy is enforced, and only its record is
  // missing.
  Status revert_overdue();
  // What waits for confirm.
  std::optional<history::Generation> pending() const;

 private:
  struct Candidate {
    policy::Policy policy;
    std::vector<policy::Issue> issues;
    bool valid = false;
  };

  // What is wrong with an API description refuses a policy only where somebody is there to put it right.
  enum class Descriptions { kRequired, kIfPossible };
  Candidate read(const std::string& text, Descriptions descriptions = Descriptions::kRequired) const;
  void load_descriptions(Candidate& candidate, Descriptions descriptions) const;
  std::vector<policy::Change> changes_to(const policy::Policy& next) const;
  Status refuse_while_pending() const;
  Status refuse_endless_confirm(const ApplyRequest& request) const;
  struct Caller {
    const std::string& actor;
    const std::vector<std::string>& peers;
    bool force;
  };
  Status guard(const policy::Policy& next, const Caller& caller);
  Result<ApplyReport> install(Candidate candidate, const history::Generation& begun);
  Status into_datapath(const policy::Policy& next, std::uint64_t generation);
  // What a refused change goes back to.
  struct Before {
    std::shared_ptr<const InForce> in_force;
    std::vector<kernel::AttachState> attachments;
  };
  Before present() const { return {enforcement_.in_force(), env_.datapath.attachments()}; }
  void undo(const Before& before, std::uint64_t generation);
  Result<ApplyReport> revert(const std::string& actor);
  Status take_back(const history::Generation& overdue);
  Status enforce_earlier(const policy::Policy& earlier, std::uint64_t generation);
  Status resume(const history::Generation& generation);

  const Environment& env_;
  Enforcement& enforcement_;
  AttachController& attach_;
  std::mutex changing_;
};

}  // namespace tidegate::control
