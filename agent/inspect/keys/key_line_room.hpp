// SPDX-License-Identifier: Apache-2.0
// Room for key lines of which only the beginning has come.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "agent/inspect/keys/key_text.hpp"
#include "agent/inspect/keys/locked_memory.hpp"

namespace tidegate::inspect {

// A fixed number of places, each for one line. The first ones are locked where the system allows it, and are taken
// first; the others take memory only once they are used. Most senders never need one: their lines come whole.
// Used by one thread.
class KeyLineRoom {
 public:
  using Line = std::span<char, kLongestKeyLine>;

  explicit KeyLineRoom(std::size_t lines);

  // There has to be one: no more than `lines` are out.
  std::size_t take();
  // Whoever had it has wiped it.
  void give_back(std::size_t place) { free_.push_back(place); }
  Line at(std::size_t place) const;

 private:
  std::size_t locked_lines_;
  LockedMemory locked_;
  LockedMemory more_;
  std::vector<std::size_t> free_;  // the last is taken next
};

}  // namespace tidegate::inspect
