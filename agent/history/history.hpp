// SPDX-License-Identifier: Apache-2.0
// The memory of what operators did: policy generations, interfaces they detached, actions they forced.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/error.hpp"

namespace tidegate::history {

enum class GenerationState {
  kApplying,        // recorded, not yet in the datapath; after a crash it never was
  kPendingConfirm,  // in force until `confirm_by`, then taken back unless confirmed
  kActive,          // in force
  kSuperseded,      // was in force
};

struct NewGeneration {
  std::string text;
  std::string actor;
  std::string comment;  // "apply", "rollback to 3", …
  std::optional<std::chrono::nanoseconds> confirm_within;
};

struct Generation {
  std::uint64_t generation = 0;  // from 1, never given twice
  std::string text;              // empty in list()
  WallTime applied;
  std::string actor;
  std::string comment;
  GenerationState state = GenerationState::kApplying;
  std::optional<WallTime> confirm_by;  // wall clock, so that it holds across a crash; of kPendingConfirm only
};

struct DetachedInterface {
  std::string interface;
  WallTime since;
  std::string actor;
};

struct AuditRecord {
  WallTime time;  // filled in by audit()
  std::string actor;
  std::string action;  // "block", "import", "policy apply", …
  std::string detail;  // "192.0.2.0/24: would cover 192.0.2.1, an address of this host (eth0)"
};

// Thread-safe. Every mutation is one transaction, synced before it returns; an error leaves everything as it was.
// Errors as decisions::Store's.
class History {
 public:
  static Result<std::unique_ptr<History>> open(const std::filesystem::path& file, const Clock& clock);
  virtual ~History() = default;

  // --- Policy generations: begin, put it into the datapath, then finish or discard. At most one is in force.
  // kFailedPrecondition while another waits for confirm (names it and its deadline) or is being applied.
  virtual Result<Generation> begin(const NewGeneration& generation) = 0;
  // In force from now; the deadline of confirm_within starts. The one before is superseded.
  virtual Result<Generation> finish(std::uint64_t generation) = 0;
  // It did not get into the datapath: forgets it. The one in force before still is.
  virtual Status discard(std::uint64_t generation) = 0;

  // Keeps what waits for it. kFailedPrecondition: nothing waits.
  virtual Result<Generation> confirm() = 0;
  // What waits for confirm, whether or not its time is over.
  virtual Result<std::optional<Generation>> pending() const = 0;
  // What waits for confirm and was not confirmed in time: to be taken back.
  virtual Result<std::optional<Generation>> overdue() const = 0;
  // As begin, for taking back what waits (unconfirmed in time, or a rollback before that): a new generation with the
  // text of the one it replaced. kNotFound: there was none before it.
  virtual Result<Generation> begin_revert(const std::string& actor) = 0;

  // In force: kActive or kPendingConfirm; none before the first finish().
  virtual Result<std::optional<Generation>> in_force() const = 0;
  // kNotFound names the generations that there are.
  virtual Result<Generation> get(std::uint64_t generation) const = 0;
  // The one in force before that which is now: where `rollback` without a number goes. kNotFound: none.
  virtual Result<Generation> previous() const = 0;
  // Newest first, without texts; the newest kMostGenerations are kept.
  virtual Result<std::vector<Generation>> list() const = 0;

  // --- Interfaces an operator detached: they stay so until attached again, restarts included.
  virtual Status set_detached(const std::string& interface, const std::string& actor) = 0;
  virtual Status clear_detached(const std::string& interface) = 0;
  virtual Result<std::vector<DetachedInterface>> detached() const = 0;

  // --- Forced actions. The newest kMostAudit are kept.
  virtual Status audit(const AuditRecord& record) = 0;
  virtual Result<std::vector<AuditRecord>> audit_records(std::size_t most) const = 0;  // newest first

  static constexpr std::uint64_t kMostGenerations = 200;
  static constexpr std::uint64_t kMostAudit = 10000;
};

}  // namespace tidegate::history
