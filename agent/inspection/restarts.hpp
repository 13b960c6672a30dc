// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>

#include "agent/base/clock.hpp"

namespace tidegate::inspection {

// When an inspector that ended is started again: at once after a good life, and ever later while lives are short.
class Restarts {
 public:
  struct Limits {
    std::chrono::nanoseconds first = std::chrono::milliseconds(250);  // after the second short life
    std::chrono::nanoseconds longest = std::chrono::seconds(10);
    std::chrono::nanoseconds good_life = std::chrono::seconds(30);
    unsigned failed_after = 3;  // lives in a row that never began to work
  };
  explicit Restarts(const Limits& limits) : limits_(limits) {}

  // A life of this length ended; `worked`: it had said that it is ready.
  void ended(std::chrono::nanoseconds life, bool worked) {
    if (worked && life >= limits_.good_life) short_lives_ = 0;
    useless_lives_ = worked ? 0 : useless_lives_ + 1;
    ++short_lives_;
  }
  void reset() { short_lives_ = useless_lives_ = 0; }

  std::chrono::nanoseconds delay() const {
    if (short_lives_ <= 1 && useless_lives_ == 0) return std::chrono::nanoseconds(0);
    const unsigned doublings = std::min(short_lives_ > 2 ? short_lives_ - 2 : 0U, 16U);
    return std::min(limits_.first * (1U << doublings), limits_.longest);
  }
  bool failed() const { return useless_lives_ >= limits_.failed_after; }

 private:
  Limits limits_;
  unsigned short_lives_ = 0;
  unsigned useless_lives_ = 0;
};

}  // namespace tidegate::inspection
