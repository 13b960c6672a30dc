// SPDX-License-Identifier: Apache-2.0
// When to give something up, and how much of it.
#pragma once

#include "agent/base/clock.hpp"
#include "agent/inspect/engine/engine.hpp"

namespace tidegate::inspect {

// How far the worker is behind.
struct Pressure {
  double ring_fill = 0;    // share of the capture ring that waits to be read
  double memory_used = 0;  // share of the memory budget
  bool dropped = false;    // the kernel dropped packets since the last look
};

// Goes up at once and in steps, comes down slowly: what was shed in vain is looked at again within seconds, but the
// level does not swing. First a growing share of new connections, then what servers send. Used by one thread.
class SheddingControl {
 public:
  // True: level or share changed. Call it every few milliseconds; it acts at most every 50 ms upwards, 500 ms
  // downwards.
  bool look(const Pressure& pressure, MonotonicTime now);
  Shedding level() const { return level_; }
  double share_of_new_flows() const { return share_; }

 private:
  bool up();
  bool down();

  Shedding level_ = Shedding::kNone;
  double share_ = 0;
  MonotonicTime next_up_{0};
  MonotonicTime next_down_{0};
};

}  // namespace tidegate::inspect
