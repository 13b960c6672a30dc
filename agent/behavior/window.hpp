// SPDX-License-Identifier: Apache-2.0
// Totals over a sliding window.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace tidegate::behavior {

// All of this library counts time in whole microseconds since the epoch.
using Micros = std::int64_t;

// Before everything, and far enough from overflowing.
inline constexpr Micros kNever = INT64_MIN / 2;

inline constexpr Micros micros(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

// What the events of one (rule, key) add up to within the last `span`: those younger than it.
//
// Up to kExact events are kept with their times: the total is exact. Beyond that, and until a whole window was silent,
// they are kept in kParts sub-windows, whose sums bound the exact total from below (the sub-windows that lie wholly
// inside the window) and from above (those that touch it). A condition that is judged by the lower bound never fires
// early, and at most one sub-window late. At most 180 bytes unweighted, 260 weighted.
class Window {
 public:
  static constexpr unsigned kExact = 16;
  static constexpr unsigned kParts = 20;

  // The same at every call for one window.
  struct Shape {
    Micros span = 0;
    bool weighted = false;     // false: every weight is 1
    bool newest_only = false;  // nobody asks for more than kExact: the newest are kept, and stay exact
    bool pair = false;         // weights are two 32-bit counts, pair() of them
  };
  struct Totals {
    std::uint64_t least = 0;  // not more than the exact total
    std::uint64_t most = 0;   // not less than the exact total, unless a bound below was met
  };

  // One event in two counts that are summed side by side.
  static constexpr std::uint64_t pair(bool second) { return 1 | (second ? std::uint64_t{1} << 32 : 0); }
  static constexpr std::uint64_t first_of(std::uint64_t total) { return total & 0xffffffff; }
  static constexpr std::uint64_t second_of(std::uint64_t total) { return total >> 32; }

  // Notes an event of `time`, which is not later than `now`. What is already outside the window is ignored. `now` does
  // not go back from call to call. A single weight counts as at most 2^40, a sub-window holds at most 2^55 (of pairs,
  // 2^26 events): beyond that it stops counting.
  void add(const Shape& shape, Micros time, Micros now, std::uint64_t weight = 1);
  Totals totals(const Shape& shape, Micros now) const;
  // Whether totals are exact at the moment.
  bool exact() const { return !parted_; }
  std::size_t heap_bytes() const;

 private:
  void expire(const Shape& shape, Micros now);
  void insert(const Shape& shape, Micros time, std::uint64_t weight);
  void drop_oldest(const Shape& shape);
  void grow(const Shape& shape);
  void part(const Shape& shape, Micros now);
  void add_to_part(const Shape& shape, Micros time, Micros now, std::uint64_t weight);
  void advance(std::int64_t newest);
  std::uint64_t weight_at(const Shape& shape, unsigned i) const { return shape.weighted ? words_[capacity_ + i] : 1; }

  // Exact: times in ascending order, then, when weighted, their weights. In parts: the newest part's number, then a
  // ring of sums by number.
  std::unique_ptr<std::uint64_t[]> words_;
  std::uint8_t size_ = 0;
  std::uint8_t capacity_ = 0;
  bool parted_ = false;
  bool weighted_ = false;
};

}  // namespace tidegate::behavior
