// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/engine/shedding_control.hpp"

#include <algorithm>

namespace tidegate::inspect {
namespace {

using std::chrono::milliseconds;

// Between "high" and "low" nothing changes.
constexpr double kRingHigh = 0.6;
constexpr double kRingLow = 0.25;
constexpr double kMemoryHigh = 0.9;
constexpr double kMemoryLow = 0.75;
constexpr double kStepUp = 0.25;
constexpr double kStepDown = 0.125;
constexpr milliseconds kBetweenUp{50};
constexpr milliseconds kBetweenDown{500};

bool is_high(const Pressure& pressure) {
  return pressure.dropped || pressure.ring_fill >= kRingHigh || pressure.memory_used >= kMemoryHigh;
}

bool is_low(const Pressure& pressure) {
  return !pressure.dropped && pressure.ring_fill <= kRingLow && pressure.memory_used <= kMemoryLow;
}

}  // namespace

bool SheddingControl::look(const Pressure& pressure, MonotonicTime now) {
  if (is_high(pressure)) {
    next_down_ = now + kBetweenDown;
    if (now < next_up_) return false;
    next_up_ = now + kBetweenUp;
    return up();
  }
  if (!is_low(pressure)) next_down_ = now + kBetweenDown;
  if (now < next_down_) return false;
  next_down_ = now + kBetweenDown;
  return down();
}

bool SheddingControl::up() {
  if (level_ == Shedding::kServerPayload) return false;
  if (share_ >= 1) {
    level_ = Shedding::kServerPayload;
    return true;
  }
  level_ = Shedding::kNewFlows;
  share_ = std::min(1.0, share_ + kStepUp);
  return true;
}

bool SheddingControl::down() {
  if (level_ == Shedding::kNone) return false;
  if (level_ == Shedding::kServerPayload) {
    level_ = Shedding::kNewFlows;
    return true;
  }
  share_ = std::max(0.0, share_ - kStepDown);
  if (share_ == 0) level_ = Shedding::kNone;
  return true;
}

}  // namespace tidegate::inspect
