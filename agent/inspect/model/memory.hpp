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

// A part of a budget that one purpose may take at most, so that it leaves some to the others. Used by one thread.
class MemoryShare {
 public:
  MemoryShare(MemoryBudget& whole, std::uint64_t limit) : whole_(whole), part_(limit) {}
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

  bool take(std::uint64_t bytes) {
    if (!part_.take(bytes)) return false;
    if (whole_.take(bytes)) return true;
    part_.give_back(bytes);
    return false;
  }
  void give_back(std::uint64_t bytes) {
    part_.give_back(bytes);
    whole_.give_back(bytes);
  }
  std::uint64_t used() const { return part_.used(); }

 private:
  MemoryBudget& whole_;
  MemoryBudget part_;
};

}  // namespace tidegate::inspect
