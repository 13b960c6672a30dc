// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/keylog/stopped_clock.hpp"

#include <atomic>
#include <chrono>
#include <utility>

extern "C" {
#include "agent/keylog/clock.h"
}

namespace {

constexpr std::int64_t kRuns = -1;
std::atomic<std::int64_t> stopped_at = kRuns;
thread_local std::function<void()> action_at_look;

std::int64_t running_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

// Instead of the one in clock.c.
std::int64_t coarse_ms() {
  if (action_at_look) std::exchange(action_at_look, nullptr)();
  const std::int64_t stopped = stopped_at;
  return stopped == kRuns ? running_ms() : stopped;
}

namespace tidegate::harness {

StoppedClock::StoppedClock() { stopped_at = running_ms(); }
StoppedClock::~StoppedClock() { stopped_at = kRuns; }
void StoppedClock::advance(std::int64_t ms) { stopped_at += ms; }
void StoppedClock::at_next_look(std::function<void()> action) { action_at_look = std::move(action); }

}  // namespace tidegate::harness
