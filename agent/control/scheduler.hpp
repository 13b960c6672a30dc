// SPDX-License-Identifier: Apache-2.0
// Periodic work on one thread, by an injected clock.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"

namespace tidegate::control {

// Not thread-safe: one thread adds tasks and runs them.
class Scheduler {
 public:
  explicit Scheduler(const Clock& clock) : clock_(clock) {}

  // First due in `first`, then `every` after it was last due; turns that were missed are not made up for.
  void add(std::string name, std::chrono::nanoseconds every, std::function<void()> task,
           std::chrono::nanoseconds first = std::chrono::nanoseconds(0));
  // Runs what is due, in the order of add(). Returns the time until the next task is due; a second without tasks.
  std::chrono::nanoseconds run_due();

 private:
  struct Task {
    std::string name;
    std::chrono::nanoseconds every;
    std::function<void()> run;
    MonotonicTime due;
  };

  const Clock& clock_;
  std::vector<Task> tasks_;
};

}  // namespace tidegate::control
