// SPDX-License-Identifier: Apache-2.0
#include "agent/behavior/distinct.hpp"

#include <algorithm>
#include <cmath>

namespace tidegate::behavior {
namespace {

constexpr Micros kMostUnits = Micros{1} << 28;
constexpr unsigned kHighestLevel = 24;
constexpr double kSure = 3;  // standard errors

std::uint32_t tick_of(const DistinctSet::Shape& shape, Micros time) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(time / shape.unit));
}

// Whether an entry is still inside. Ticks are rounded down, so that it leaves up to a unit early, never late.
bool is_inside(const DistinctSet::Shape& shape, std::uint64_t entry, std::uint32_t now) {
  return now - static_cast<std::uint32_t>(entry) < static_cast<std::uint64_t>(shape.span / shape.unit);
}

}  // namespace

DistinctSet::Shape DistinctSet::Shape::of(Micros span) {
  Shape shape{.span = span};
  while (span / shape.unit > kMostUnits) shape.unit *= 2;
  return shape;
}

void DistinctSet::expire(const Shape& shape, Micros now) {
  const std::uint32_t tick = tick_of(shape, now);
  std::uint64_t* const end = std::remove_if(entries_.get(), entries_.get() + size_,
                                            [&](std::uint64_t entry) { return !is_inside(shape, entry, tick); });
  size_ = static_cast<std::uint8_t>(end - entries_.get());
  // A sparser sample than needed counts too few, never too many, until it is refilled.
  if (size_ == 0) {
    level_ = 0;
  } else if (level_ > 0 && size_ < kMost / 8) {
    --level_;
  }
}

void DistinctSet::thin_out() {
  while (size_ == kMost && level_ < kHighestLevel) {
    ++level_;
    std::uint64_t* const end = std::remove_if(entries_.get(), entries_.get() + size_, [&](std::uint64_t entry) {
      return !admits(static_cast<std::uint32_t>(entry >> 32));
    });
    size_ = static_cast<std::uint8_t>(end - entries_.get());
  }
}

void DistinctSet::grow() {
  const unsigned capacity = capacity_ == 0 ? 4U : std::min(capacity_ * 2U, kMost);
  auto entries = std::make_unique<std::uint64_t[]>(capacity);
  std::copy_n(entries_.get(), size_, entries.get());
  entries_ = std::move(entries);
  capacity_ = static_cast<std::uint8_t>(capacity);
}

void DistinctSet::add(const Shape& shape, std::uint64_t hash, Micros time, Micros now) {
  expire(shape, now);
  const auto mark = static_cast<std::uint32_t>(hash >> 32);
  if (time <= now - shape.span || !admits(mark)) return;
  const std::uint32_t tick = tick_of(shape, time);
  const std::uint64_t entry = static_cast<std::uint64_t>(mark) << 32 | tick;
  for (unsigned i = 0; i < size_; ++i) {
    if (entries_[i] >> 32 != mark) continue;
    // The later of the two: what came out of order is younger than nothing that is inside.
    const std::uint32_t present = tick_of(shape, now);
    if (present - tick < present - static_cast<std::uint32_t>(entries_[i])) entries_[i] = entry;
    return;
  }
  if (size_ == kMost) thin_out();
  if (size_ == kMost || !admits(mark)) return;
  if (size_ == capacity_) grow();
  entries_[size_++] = entry;
}

// It stays in the sample if one of its new hash is: which values stand for the others changes, how many does not.
bool DistinctSet::rename(std::uint64_t before, std::uint64_t hash) {
  const auto old_mark = static_cast<std::uint32_t>(before >> 32);
  const auto mark = static_cast<std::uint32_t>(hash >> 32);
  const auto find = [&](std::uint32_t wanted) {
    return std::find_if(entries_.get(), entries_.get() + size_, [&](std::uint64_t e) { return e >> 32 == wanted; });
  };
  std::uint64_t* const end = entries_.get() + size_;
  std::uint64_t* const entry = find(old_mark);
  if (entry == end) return false;
  if (admits(mark) && find(mark) == end) {
    *entry = static_cast<std::uint64_t>(mark) << 32 | (*entry & 0xffffffff);
  } else {
    *entry = entries_[--size_];
  }
  return true;
}

DistinctSet::Estimate DistinctSet::estimate(const Shape& shape, Micros now) const {
  const std::uint32_t tick = tick_of(shape, now);
  const auto inside = static_cast<double>(std::count_if(
      entries_.get(), entries_.get() + size_, [&](std::uint64_t entry) { return is_inside(shape, entry, tick); }));
  const double worth = std::ldexp(1, level_);
  const double error = level_ == 0 ? 0 : kSure * std::sqrt(inside * (1 - 1 / worth));
  return {inside * worth, std::max(0.0, (inside - error) * worth)};
}

}  // namespace tidegate::behavior
