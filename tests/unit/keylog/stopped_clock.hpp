// SPDX-License-Identifier: Apache-2.0
// The clock of agent/keylog in its unit tests: it runs, unless a test has stopped it.
#pragma once

#include <cstdint>
#include <functional>

namespace tidegate::harness {

// One at a time.
class StoppedClock {
 public:
  StoppedClock();
  ~StoppedClock();
  StoppedClock(const StoppedClock&) = delete;
  StoppedClock& operator=(const StoppedClock&) = delete;

  void advance(std::int64_t ms);

  // Once, when this thread looks at the clock again.
  void at_next_look(std::function<void()> action);
};

}  // namespace tidegate::harness
