// SPDX-License-Identifier: Apache-2.0
// Segments of a capture file whose checksum is wrong. Their receiver drops them, as a rule; but a network card that
// puts segments together may leave one's checksum for all. So they count only when the receiver acknowledges them
// although nothing else brought their bytes.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "agent/inspect/capture/packet.hpp"
#include "agent/inspect/model/memory.hpp"

namespace tidegate::inspect {

// Of one direction. Used by one thread.
class Doubted {
 public:
  static constexpr std::size_t kMost = 256;  // segments; beyond, the oldest is forgotten

  struct Kept {
    WallTime time{};
    std::uint32_t sequence = 0;
    bool fin = false;
    std::vector<std::byte> bytes;

    std::uint32_t end() const { return sequence + static_cast<std::uint32_t>(bytes.size()); }
  };

  explicit Doubted(MemoryShare& memory) : memory_(memory) {}
  ~Doubted();
  Doubted(const Doubted&) = delete;
  Doubted& operator=(const Doubted&) = delete;

  // Not at all when there is no memory.
  void keep(const Segment& segment);
  // The oldest of those that the receiver has, all of it; it is kept no longer.
  std::optional<Kept> take(std::uint32_t acknowledged);
  bool empty() const { return kept_.empty(); }

 private:
  void forget_oldest();

  std::deque<Kept> kept_;
  MemoryShare& memory_;
};

}  // namespace tidegate::inspect
