// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tidegate::inspect {

// What one worker may keep of foreign bytes. Whoever keeps some takes it first, and gives it back. Used by one thread.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t limit) : limit_(limit) {}

  // False: the bound is reached, keep nothing.
  bool take(std::uint64_t bytes) {
    if (bytes > limit_ - used_) return false;
    used_ += bytes;
    return true;
  }
  void give_back(std::uint64_t bytes) { used_ -= bytes < used_ ? bytes : used_; }
  std::uint64_t used() const { return used_; }
  std::uint64_t limit() const { return limit_; }

 private:
  std::uint64_t limit_;
  std::uint64_t used_ = 0;
};

}  // namespace tidegate::inspect
