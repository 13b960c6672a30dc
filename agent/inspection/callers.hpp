// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace tidegate::inspection {

// How many different hashes were added: exact up to 16, then estimated within about 7 % (HyperLogLog; Flajolet et al.,
// 2007). 392 bytes. Hashes have to be keyed, or somebody chooses them.
class Callers {
 public:
  void add(std::uint64_t hash) {
    if (exact_) {
      const auto end = first_.begin() + count_;
      if (std::find(first_.begin(), end, hash) == end) {
        if (count_ < first_.size()) {
          first_[count_++] = hash;
        } else {
          exact_ = false;
        }
      }
    }
    const std::size_t place = hash % kRegisters;
    const auto rank = static_cast<std::uint8_t>(std::countl_zero(hash | kRegisters) + 1);
    registers_[place] = std::max(registers_[place], rank);
  }
  void add(const Callers& other) {
    for (std::size_t i = 0; i < kRegisters; ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
    exact_ = false;
  }

  std::uint64_t estimate() const {
    if (exact_) return count_;
    double sum = 0;
    double empty = 0;
    for (const std::uint8_t rank : registers_) {
      sum += std::ldexp(1.0, -rank);
      empty += rank == 0;
    }
    constexpr double kCount = kRegisters;
    const double raw = 0.7182725932495458 * kCount * kCount / sum;  // 0.7213 / (1 + 1.079 / 256)
    const double few = empty > 0 ? kCount * std::log(kCount / empty) : raw;
    return static_cast<std::uint64_t>(std::llround(raw <= 2.5 * kCount ? few : raw));
  }

 private:
  static constexpr std::size_t kRegisters = 256;

  std::array<std::uint64_t, 16> first_{};
  std::array<std::uint8_t, kRegisters> registers_{};
  std::uint8_t count_ = 0;
  bool exact_ = true;
};

}  // namespace tidegate::inspection
