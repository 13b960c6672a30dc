// SPDX-License-Identifier: Apache-2.0
// How many different values there were within a sliding window.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "agent/behavior/window.hpp"

namespace tidegate::behavior {

// Keeps for each value a hash and when it was last seen. Up to kMost values the number is exact. Beyond that it keeps
// the values whose hash begins with `level` zero bits, each standing for 2^level (adaptive sampling: Flajolet 1990,
// Gibbons 2001). Unlike the registers of HyperLogLog such a sample slides: a value leaves when it is old, and not
// together with all of a sub-window. docs/adr/0009 has the errors of both. At most 1 kB.
class DistinctSet {
 public:
  static constexpr unsigned kMost = 124;

  struct Shape {
    Micros span = 0;
    Micros unit = 1;  // times are kept in these

    // `span` is more than 0. The unit is 1 µs up to 4 minutes, then at most a 2^27th of the window.
    static Shape of(Micros span);
  };
  struct Estimate {
    double likely = 0;
    double least = 0;  // not more than the number, with a probability of 99.8 %; exact when likely == least
  };

  // `hash` is keyed. `time` is not later than `now`, and `now` does not go back. An age is kept unambiguously for 16
  // windows only: after a window without a call begin a new set.
  void add(const Shape& shape, std::uint64_t hash, Micros time, Micros now);
  // A value has another hash from now on. True: it was there.
  bool rename(std::uint64_t before, std::uint64_t hash);
  Estimate estimate(const Shape& shape, Micros now) const;
  std::size_t heap_bytes() const { return std::size_t{capacity_} * sizeof(std::uint64_t); }

 private:
  void expire(const Shape& shape, Micros now);
  bool admits(std::uint32_t hash) const { return level_ == 0 || hash >> (32 - level_) == 0; }
  void thin_out();
  void grow();

  // hash << 32 | time in units, modulo 2^32
  std::unique_ptr<std::uint64_t[]> entries_;
  std::uint8_t size_ = 0;
  std::uint8_t capacity_ = 0;
  std::uint8_t level_ = 0;
};

}  // namespace tidegate::behavior
