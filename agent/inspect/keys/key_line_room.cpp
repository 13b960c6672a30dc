// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/keys/key_line_room.hpp"

#include <algorithm>
#include <numeric>

namespace tidegate::inspect {
namespace {

constexpr std::size_t kLocked = 256;

}  // namespace

KeyLineRoom::KeyLineRoom(std::size_t lines)
    : locked_lines_(std::min(lines, kLocked)),
      locked_(locked_lines_ * kLongestKeyLine, true),
      more_(std::max<std::size_t>(lines - locked_lines_, 1) * kLongestKeyLine, false),
      free_(lines) {
  std::iota(free_.rbegin(), free_.rend(), std::size_t{0});
}

std::size_t KeyLineRoom::take() {
  const std::size_t place = free_.back();
  free_.pop_back();
  return place;
}

KeyLineRoom::Line KeyLineRoom::at(std::size_t place) const {
  const bool locked = place < locked_lines_;
  const auto memory = locked ? locked_.as<char>() : more_.as<char>();
  return memory.subspan((locked ? place : place - locked_lines_) * kLongestKeyLine).first<kLongestKeyLine>();
}

}  // namespace tidegate::inspect
