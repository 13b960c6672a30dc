// SPDX-License-Identifier: Apache-2.0
// Bytes of one direction that came before others that precede them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/inspect/model/memory.hpp"

namespace tidegate::inspect {

// A range of a stream, by 64-bit offsets that do not wrap. Without bytes it is known to be lost (cut by the capture).
struct Piece {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  const std::byte* bytes = nullptr;
  WallTime time{};  // of the capture, where it was kept

  std::uint64_t end() const { return offset + size; }
  bool empty() const { return size == 0; }
  // What of it lies at or after `from`, and what before `until`.
  Piece after(std::uint64_t from) const;
  Piece before(std::uint64_t until) const;
};

// Whether two ranges disagree where they overlap; lost bytes agree with all.
bool conflicts(const Piece& one, const Piece& other);

// Ranges in order, none overlapping another. What came first stays. Takes what it keeps from a share of memory,
// overhead included; the owner gives all of it back by pop(). Time per insertion is bounded by kMostChunks.
class ReorderQueue {
 public:
  static constexpr std::size_t kMostChunks = 512;

  struct Chunk {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::size_t capacity = 0;
    std::unique_ptr<std::byte[]> bytes;  // none: lost
    WallTime time{};                     // of the last that was added

    Piece piece() const { return {offset, size, bytes.get(), time}; }
    std::uint64_t end() const { return offset + size; }
  };

  // Keeps those parts of `piece` that it has not. False: not all, for a bound was reached; it may then be tried again
  // after pop(). Sets `conflict` when a part repeats kept bytes with other content, and leaves it alone otherwise.
  bool insert(Piece piece, std::size_t limit, MemoryShare& memory, bool& conflict);

  bool empty() const { return chunks_.empty(); }
  std::uint64_t first_offset() const { return chunks_.front().offset; }  // not when empty
  std::uint64_t end_offset() const { return chunks_.back().end(); }      // likewise
  // The first one, now the caller's.
  Chunk pop(MemoryShare& memory);
  std::size_t charged() const { return charged_; }

 private:
  enum class Placed : std::uint8_t { kNew, kAppended, kRefused };
  Placed place(const Piece& piece, std::size_t at, std::size_t limit, MemoryShare& memory);
  bool append(Chunk& chunk, const Piece& piece, std::size_t limit, MemoryShare& memory);
  bool charge(std::size_t bytes, std::size_t limit, MemoryShare& memory);

  std::vector<Chunk> chunks_;
  std::size_t charged_ = 0;
};

}  // namespace tidegate::inspect
