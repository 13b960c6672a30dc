// SPDX-License-Identifier: Apache-2.0
// The state directory: opened once, by one agent.
#pragma once

#include <filesystem>
#include <memory>

#include "agent/base/clock.hpp"
#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"
#include "agent/decisions/safelist_store.hpp"
#include "agent/decisions/spool.hpp"
#include "agent/decisions/store.hpp"
#include "agent/history/history.hpp"

namespace tidegate::history {

// Holds the lock on state_dir for its lifetime; the kernel releases it when the process dies.
// The parts are thread-safe and independent: decisions.db (decisions, safelist) and history.db.
class State {
 public:
  // Makes the directory (mode 0700) if it is not there. Errors: kFailedPrecondition names the pid of the agent that has
  // it; kPermissionDenied, kResourceExhausted and kDataLoss name the file and the remedy.
  static Result<State> open(const std::filesystem::path& directory, const Clock& clock);

  decisions::Store& decisions() const { return *decisions_; }
  decisions::SafelistStore& safelist() const { return *safelist_; }
  History& history() const { return *history_; }
  const std::filesystem::path& directory() const { return directory_; }
  Result<std::unique_ptr<decisions::Spool>> make_spool() const { return decisions::Spool::create(directory_); }

 private:
  State() = default;

  std::filesystem::path directory_;
  UniqueFd lock_;
  std::unique_ptr<decisions::Store> decisions_;
  std::unique_ptr<decisions::SafelistStore> safelist_;
  std::unique_ptr<History> history_;
};

}  // namespace tidegate::history
