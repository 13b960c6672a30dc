// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tidegate::inspect {

// What one worker may keep of foreign bytes. Whoever keeps some takes it first, and gives it back. Used by one thread.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t limit) : limit_(limit) {}
  // A purpose that may have at most `limit` of `whole`, which outlives it.
  MemoryBudget(std::uint64_t limit, MemoryBudget& whole) : limit_(limit), whole_(&whole) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // False: the bound is reached, keep nothing.
  bool take(std::uint64_t bytes) {
    if (bytes > limit_ - used_ || (whole_ != nullptr && !whole_->take(bytes))) {
      ++refusals_;
      return false;
    }
    used_ += bytes;
    return true;
  }
  void give_back(std::uint64_t bytes) {
    const std::uint64_t given = bytes < used_ ? bytes : used_;
    used_ -= given;
    if (whole_ != nullptr) whole_->give_back(given);
  }
  std::uint64_t used() const { return used_; }
  std::uint64_t limit() const { return limit_; }
  // Times that take() said no: who compares it before and after something knows whether memory was all that it wanted.
  std::uint64_t refusals() const { return refusals_; }

 private:
  std::uint64_t limit_;
  std::uint64_t used_ = 0;
  std::uint64_t refusals_ = 0;
  MemoryBudget* whole_ = nullptr;
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
