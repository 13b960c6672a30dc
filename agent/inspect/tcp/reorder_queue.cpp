// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tcp/reorder_queue.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tidegate::inspect {
namespace {

constexpr std::size_t kLargestChunk = 64 << 10;                           // adjacent segments share one up to here
constexpr std::size_t kChunkOverhead = sizeof(ReorderQueue::Chunk) + 16;  // and the allocator's
constexpr std::uint64_t kLargestLoss = std::uint64_t{1} << 31;

}  // namespace

Piece Piece::after(std::uint64_t from) const {
  if (from <= offset) return *this;
  const std::uint64_t skip = std::min(from - offset, size);
  return {offset + skip, size - skip, bytes == nullptr ? nullptr : bytes + skip, time};
}

Piece Piece::before(std::uint64_t until) const {
  return {offset, until <= offset ? 0 : std::min(size, until - offset), bytes, time};
}

bool conflicts(const Piece& one, const Piece& other) {
  const std::uint64_t begin = std::max(one.offset, other.offset);
  const std::uint64_t end = std::min(one.end(), other.end());
  if (begin >= end || one.bytes == nullptr || other.bytes == nullptr) return false;
  return std::memcmp(one.bytes + (begin - one.offset), other.bytes + (begin - other.offset), end - begin) != 0;
}

bool ReorderQueue::insert(Piece piece, std::size_t limit, MemoryShare& memory, bool& conflict) {
  auto at = static_cast<std::size_t>(std::ranges::upper_bound(chunks_, piece.offset, std::less{}, &Chunk::end) -
                                     chunks_.begin());
  while (!piece.empty()) {
    const bool last = at == chunks_.size() || chunks_[at].offset >= piece.end();
    const Piece missing = last ? piece : piece.before(chunks_[at].offset);
    if (!missing.empty()) {
      const Placed placed = place(missing, at, limit, memory);
      if (placed == Placed::kRefused) return false;
      if (placed == Placed::kNew) ++at;
    }
    if (last) return true;
    conflict = conflict || conflicts(chunks_[at].piece(), piece);
    piece = piece.after(chunks_[at].end());
    ++at;
  }
  return true;
}

ReorderQueue::Placed ReorderQueue::place(const Piece& piece, std::size_t at, std::size_t limit, MemoryShare& memory) {
  if (at > 0 && chunks_[at - 1].end() == piece.offset && append(chunks_[at - 1], piece, limit, memory)) {
    chunks_[at - 1].time = std::max(chunks_[at - 1].time, piece.time);
    return Placed::kAppended;
  }
  const std::size_t capacity = piece.bytes == nullptr ? 0 : piece.size;
  if (chunks_.size() >= kMostChunks || !charge(capacity + kChunkOverhead, limit, memory)) return Placed::kRefused;
  Chunk chunk{piece.offset, piece.size, capacity, nullptr, piece.time};
  if (piece.bytes != nullptr) {
    chunk.bytes = std::make_unique_for_overwrite<std::byte[]>(capacity);
    std::memcpy(chunk.bytes.get(), piece.bytes, capacity);
  }
  chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(at), std::move(chunk));
  return Placed::kNew;
}

bool ReorderQueue::append(Chunk& chunk, const Piece& piece, std::size_t limit, MemoryShare& memory) {
  const std::uint64_t size = chunk.size + piece.size;
  if ((chunk.bytes == nullptr) != (piece.bytes == nullptr)) return false;
  if (piece.bytes == nullptr) {
    if (size > kLargestLoss) return false;
    chunk.size = size;
    return true;
  }
  if (size > kLargestChunk) return false;
  if (size > chunk.capacity) {
    const std::size_t capacity = std::max<std::size_t>(size, std::min(chunk.capacity * 2, kLargestChunk));
    if (!charge(capacity - chunk.capacity, limit, memory)) return false;
    auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity);
    std::memcpy(larger.get(), chunk.bytes.get(), chunk.size);
    chunk.bytes = std::move(larger);
    chunk.capacity = capacity;
  }
  std::memcpy(chunk.bytes.get() + chunk.size, piece.bytes, piece.size);
  chunk.size = size;
  return true;
}

bool ReorderQueue::charge(std::size_t bytes, std::size_t limit, MemoryShare& memory) {
  if (bytes > limit || charged_ > limit - bytes || !memory.take(bytes)) return false;
  charged_ += bytes;
  return true;
}

ReorderQueue::Chunk ReorderQueue::pop(MemoryShare& memory) {
  Chunk first = std::move(chunks_.front());
  chunks_.erase(chunks_.begin());
  charged_ -= first.capacity + kChunkOverhead;
  memory.give_back(first.capacity + kChunkOverhead);
  return first;
}

}  // namespace tidegate::inspect
