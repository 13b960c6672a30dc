// SPDX-License-Identifier: Apache-2.0
// Which prefix lengths the datapath has to probe for blocks and limits.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "agent/base/error.hpp"
#include "bpf/abi/state.h"

namespace tidegate::kernel {

// How many entries there are of each length of the 128-bit form, per family. Not thread-safe.
class LengthCounts {
 public:
  static constexpr std::uint8_t kUnknown = 255;  // an adopted IPv6 entry: its key is a hash and does not tell

  // False when the family has TG_PREFIX_LENGTHS other lengths already: the entry must not be added.
  bool has_room_for(bool is_v4, std::uint8_t length) const;
  void add(bool is_v4, std::uint8_t length);
  void remove(bool is_v4, std::uint8_t length);

  // Lengths found in the pinned control map at adoption; they stay listed while an entry of unknown length is left.
  void adopt(const tg_lengths& listed) { adopted_ = listed; }

  // Longest first, as the datapath wants them.
  tg_lengths listed() const;

 private:
  using Family = std::array<std::uint32_t, 129>;
  Family v4_{};
  Family v6_{};
  std::uint64_t unknown_ = 0;
  tg_lengths adopted_{};
};

bool operator==(const tg_lengths& a, const tg_lengths& b);

// Publishes a list in the double buffer of struct tg_control. `wait_for_readers` returns when no packet can still read
// what was replaced before. One writer at a time.
class LengthPublisher {
 public:
  LengthPublisher(tg_lengths (&lists)[2], std::uint32_t& which, std::function<void()> wait_for_readers)
      : lists_(lists), which_(which), wait_for_readers_(std::move(wait_for_readers)) {}

  const tg_lengths& current() const { return lists_[which_ & 1]; }
  // Does nothing when `lengths` is what is published.
  void publish(const tg_lengths& lengths);

 private:
  tg_lengths (&lists_)[2];
  std::uint32_t& which_;
  std::function<void()> wait_for_readers_;
  bool old_half_read_ = true;  // an earlier agent may have died right after its flip
};

}  // namespace tidegate::kernel
