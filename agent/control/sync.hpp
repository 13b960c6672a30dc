// SPDX-License-Identifier: Apache-2.0
// From the effects of decisions to the tables of the datapath.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "agent/control/environment.hpp"
#include "agent/control/limit_fold.hpp"

namespace tidegate::control {

// Not thread-safe; DecisionController calls it with its mutex held.
class DatapathSync {
 public:
  explicit DatapathSync(const Environment& environment) : env_(environment) {}

  // Makes the tables hold what the store says about these targets. kResourceExhausted: a table is full.
  Status targets(std::span<const Prefix> targets);
  // Makes them hold these effects: of a change that is about to be committed.
  Status effects(const decisions::Effects& effects);
  // Everything, after start and when the wall clock was set. An error of the store leaves what is in the tables in
  // them.
  Status all();
  // The wall clock moved against the monotonic one by more than a second since all(): expiries in the tables, which
  // are monotonic, would be off.
  bool clock_was_set() const;

 private:
  struct Batch;
  MonotonicTime to_monotonic(WallTime time) const;
  void add(Batch& batch, const decisions::Effect& effect);
  Result<kernel::LimitEntry> entry_of(const Prefix& target) const;
  Status fold(Batch& batch) const;
  // Reads all effects and hands each full batch, and the last, to `use`; never more than one is held.
  Status in_batches(const decisions::Effects& effects, bool whole, const std::function<Status(const Batch&)>& use);
  Status change(const Batch& batch) const;

  const Environment& env_;
  LimitFold limits_;                    // of every target that has one
  std::chrono::nanoseconds offset_{0};  // wall - monotonic at the last all()
};

}  // namespace tidegate::control
