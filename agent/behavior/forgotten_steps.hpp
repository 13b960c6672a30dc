// SPDX-License-Identifier: Apache-2.0
// Whose steps had to be forgotten, so that nobody is accused for want of memory.
#pragma once

#include <bitset>
#include <cstdint>
#include <utility>

#include "agent/behavior/window.hpp"

namespace tidegate::behavior {

// A set of keys that errs to one side only: what was added within the last window is found; what was not may be found
// as well, the more often the fuller it is. Two generations of 8 KiB, each a window long.
class ForgottenSteps {
 public:
  explicit ForgottenSteps(Micros span) : span_(span) {}

  void add(std::uint64_t key, Micros now) {
    turn(now);
    present_.set(key % kBits);
  }
  bool may_hold(std::uint64_t key, Micros now) {
    turn(now);
    return present_[key % kBits] || previous_[key % kBits];
  }

 private:
  static constexpr std::size_t kBits = 65536;

  void turn(Micros now) {
    if (now - began_ < span_) return;
    if (now - began_ < 2 * span_) {
      previous_ = present_;
    } else {
      previous_.reset();
    }
    present_.reset();
    began_ = now;
  }

  std::bitset<kBits> present_;
  std::bitset<kBits> previous_;
  Micros began_ = 0;
  Micros span_;
};

}  // namespace tidegate::behavior
