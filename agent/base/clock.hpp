// SPDX-License-Identifier: Apache-2.0
// Time is injected, so that tests do not sleep.
#pragma once

#include <chrono>
#include <string>

namespace tidegate {

using WallTime = std::chrono::sys_time<std::chrono::nanoseconds>;

// CLOCK_MONOTONIC, the clock of the datapath (bpf_ktime_get_ns), since boot.
using MonotonicTime = std::chrono::nanoseconds;

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  virtual MonotonicTime monotonic() const = 0;
};

// The clocks of the system; a function-local singleton.
const Clock& system_clock();

// Stands still until told otherwise. Not thread-safe.
class ManualClock final : public Clock {
 public:
  WallTime wall() const override { return wall_; }
  MonotonicTime monotonic() const override { return monotonic_; }
  void advance(std::chrono::nanoseconds by) {
    wall_ += by;
    monotonic_ += by;
  }
  void set_wall(WallTime to) { wall_ = to; }

 private:
  WallTime wall_{std::chrono::sys_days{std::chrono::year{2030} / 1 / 1}};
  MonotonicTime monotonic_{std::chrono::hours(1)};
};

// "2030-01-01T00:00:00Z" (RFC 3339, UTC, whole seconds; with milliseconds where asked).
std::string to_rfc3339(WallTime time, bool milliseconds = false);

}  // namespace tidegate
