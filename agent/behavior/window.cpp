// SPDX-License-Identifier: Apache-2.0
#include "agent/behavior/window.hpp"

#include <algorithm>

namespace tidegate::behavior {
namespace {

constexpr unsigned kRing = Window::kParts + 1;  // one more, which the beginning of the window cuts
constexpr std::uint64_t kMostWeight = std::uint64_t{1} << 40;
constexpr std::uint64_t kMostInPart = std::uint64_t{1} << 55;
constexpr std::uint64_t kMostPairs = std::uint64_t{1} << 26;

// Width of a part: kParts of them are not shorter than the window.
std::int64_t width_of(const Window::Shape& shape) { return (shape.span + Window::kParts - 1) / Window::kParts; }

std::int64_t part_of(Micros time, std::int64_t width) {
  return time >= 0 ? time / width : (time - width + 1) / width;  // rounded down
}

unsigned place_of(std::int64_t part) { return static_cast<unsigned>(((part % kRing) + kRing) % kRing); }

bool is_full(const Window::Shape& shape, std::uint64_t sum) {
  return shape.pair ? Window::first_of(sum) >= kMostPairs : sum >= kMostInPart;
}

}  // namespace

void Window::add(const Shape& shape, Micros time, Micros now, std::uint64_t weight) {
  if (time <= now - shape.span) return;
  if (!shape.pair) weight = std::min(weight, kMostWeight);
  expire(shape, now);
  if (parted_) return add_to_part(shape, time, now, weight);
  if (size_ == kExact && !shape.newest_only) {
    part(shape, now);
    return add_to_part(shape, time, now, weight);
  }
  if (size_ == kExact) {
    if (time <= static_cast<Micros>(words_[0])) return;
    drop_oldest(shape);
  }
  insert(shape, time, weight);
}

void Window::expire(const Shape& shape, Micros now) {
  const Micros begin = now - shape.span;
  if (parted_) {
    // Nothing within the last window: back to the exact form. That changes with the part of `now` only.
    if (part_of(now, width_of(shape)) == static_cast<std::int64_t>(words_[0]) || totals(shape, now).most != 0) return;
    words_.reset();
    parted_ = false;
    size_ = capacity_ = 0;
    return;
  }
  unsigned expired = 0;
  while (expired < size_ && static_cast<Micros>(words_[expired]) <= begin) ++expired;
  if (expired == 0) return;
  std::copy(words_.get() + expired, words_.get() + size_, words_.get());
  if (shape.weighted) {
    std::copy(words_.get() + capacity_ + expired, words_.get() + capacity_ + size_, words_.get() + capacity_);
  }
  size_ = static_cast<std::uint8_t>(size_ - expired);
}

void Window::drop_oldest(const Shape& shape) {
  std::copy(words_.get() + 1, words_.get() + size_, words_.get());
  if (shape.weighted) {
    std::copy(words_.get() + capacity_ + 1, words_.get() + capacity_ + size_, words_.get() + capacity_);
  }
  --size_;
}

void Window::grow(const Shape& shape) {
  const unsigned capacity = capacity_ == 0 ? 2U : capacity_ * 2U;
  auto words = std::make_unique<std::uint64_t[]>(capacity * (shape.weighted ? 2 : 1));
  std::copy_n(words_.get(), size_, words.get());
  if (shape.weighted) std::copy_n(words_.get() + capacity_, size_, words.get() + capacity);
  words_ = std::move(words);
  capacity_ = static_cast<std::uint8_t>(capacity);
  weighted_ = shape.weighted;
}

void Window::insert(const Shape& shape, Micros time, std::uint64_t weight) {
  if (size_ == capacity_) grow(shape);
  unsigned at = size_;
  for (; at > 0 && static_cast<Micros>(words_[at - 1]) > time; --at) {
    words_[at] = words_[at - 1];
    if (shape.weighted) words_[capacity_ + at] = words_[capacity_ + at - 1];
  }
  words_[at] = static_cast<std::uint64_t>(time);
  if (shape.weighted) words_[capacity_ + at] = weight;
  ++size_;
}

void Window::part(const Shape& shape, Micros now) {
  const auto old = std::move(words_);
  const unsigned size = size_;
  const unsigned capacity = capacity_;
  words_ = std::make_unique<std::uint64_t[]>(1 + kRing);
  words_[0] = static_cast<std::uint64_t>(part_of(now, width_of(shape)));
  parted_ = true;
  size_ = capacity_ = 0;
  for (unsigned i = 0; i < size; ++i) {
    add_to_part(shape, static_cast<Micros>(old[i]), now, shape.weighted ? old[capacity + i] : 1);
  }
}

void Window::advance(std::int64_t newest) {
  const std::int64_t last = static_cast<std::int64_t>(words_[0]);
  if (newest <= last) return;
  const std::int64_t first = std::max(last + 1, newest - static_cast<std::int64_t>(kRing) + 1);
  for (std::int64_t part = first; part <= newest; ++part) words_[1 + place_of(part)] = 0;
  words_[0] = static_cast<std::uint64_t>(newest);
}

void Window::add_to_part(const Shape& shape, Micros time, Micros now, std::uint64_t weight) {
  const std::int64_t width = width_of(shape);
  advance(part_of(now, width));
  const std::int64_t part = part_of(time, width);
  if (part <= static_cast<std::int64_t>(words_[0]) - static_cast<std::int64_t>(kRing)) return;
  std::uint64_t& sum = words_[1 + place_of(part)];
  if (!is_full(shape, sum)) sum += weight;
}

Window::Totals Window::totals(const Shape& shape, Micros now) const {
  Totals totals;
  const Micros begin = now - shape.span;
  if (!parted_) {
    for (unsigned i = 0; i < size_; ++i) {
      if (static_cast<Micros>(words_[i]) > begin) totals.least += weight_at(shape, i);
    }
    totals.most = totals.least;
    return totals;
  }
  const std::int64_t width = width_of(shape);
  const std::int64_t newest = static_cast<std::int64_t>(words_[0]);
  for (unsigned i = 0; i < kRing; ++i) {
    const std::int64_t part = newest - i;
    if ((part + 1) * width - 1 <= begin) break;
    const std::uint64_t sum = words_[1 + place_of(part)];
    totals.most += sum;
    if (part * width > begin) totals.least += sum;
  }
  return totals;
}

std::size_t Window::heap_bytes() const {
  if (!words_) return 0;
  return 8 * (parted_ ? 1 + kRing : std::size_t{capacity_} * (weighted_ ? 2 : 1));
}

}  // namespace tidegate::behavior
