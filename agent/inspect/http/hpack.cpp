// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/hpack.hpp"

#include <openssl/crypto.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace tidegate::inspect::http {
namespace {

constexpr std::size_t kLargestTable = 64 << 10;
constexpr std::size_t kBefore = alignof(std::max_align_t);  // room for the size, ahead of what the library gets

std::byte* start_of(void* memory) { return static_cast<std::byte*>(memory) - kBefore; }

std::size_t size_of(void* memory) {
  std::size_t size = 0;
  std::memcpy(&size, start_of(memory), sizeof size);
  return size;
}

void* allocate(std::size_t size, void* budget) {
  if (size > std::numeric_limits<std::size_t>::max() - kBefore) return nullptr;
  if (!static_cast<MemoryBudget*>(budget)->take(size + kBefore)) return nullptr;
  auto* start = static_cast<std::byte*>(std::malloc(size + kBefore));
  if (start == nullptr) {
    static_cast<MemoryBudget*>(budget)->give_back(size + kBefore);
    return nullptr;
  }
  std::memcpy(start, &size, sizeof size);
  return start + kBefore;
}

void release(void* memory, void* budget) {
  if (memory == nullptr) return;
  const std::size_t size = size_of(memory);
  OPENSSL_cleanse(memory, size);
  std::free(start_of(memory));
  static_cast<MemoryBudget*>(budget)->give_back(size + kBefore);
}

void* allocate_zeroed(std::size_t count, std::size_t size, void* budget) {
  if (size != 0 && count > std::numeric_limits<std::size_t>::max() / size) return nullptr;
  void* memory = allocate(count * size, budget);
  if (memory != nullptr) std::memset(memory, 0, count * size);
  return memory;
}

void* reallocate(void* memory, std::size_t size, void* budget) {
  void* larger = allocate(size, budget);
  if (larger == nullptr || memory == nullptr) return larger;
  const std::size_t before = size_of(memory);
  std::memcpy(larger, memory, before < size ? before : size);
  release(memory, budget);
  return larger;
}

std::string_view text(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

HpackMemory::HpackMemory(MemoryBudget& budget) : functions_{&budget, allocate, release, allocate_zeroed, reallocate} {}

HpackDecoder::HpackDecoder(HpackMemory& memory) {
  nghttp2_hd_inflater* inflater = nullptr;
  if (nghttp2_hd_inflate_new2(&inflater, memory.functions()) != 0) return;
  inflater_.reset(inflater);
  // Raises what an encoder may ask for; the table itself stays at 4096 bytes until one does.
  if (nghttp2_hd_inflate_change_table_size(inflater, kLargestTable) != 0) inflater_.reset();
}

bool HpackDecoder::decode(std::string_view part, bool last, FieldSink& sink) {
  if (!inflater_) return false;
  while (!part.empty()) {
    const std::string_view piece = cutter_.next(part);
    if (!piece.empty() && !inflate(piece, false, sink)) return false;
  }
  return !last || inflate({}, true, sink);
}

bool HpackDecoder::inflate(std::string_view part, bool last, FieldSink& sink) {
  const auto* next = reinterpret_cast<const std::uint8_t*>(part.data());
  std::size_t left = part.size();
  while (true) {
    nghttp2_nv field{};
    int flags = 0;
    const ssize_t used = nghttp2_hd_inflate_hd2(inflater_.get(), &field, &flags, next, left, last ? 1 : 0);
    if (used < 0) return false;
    next += used;
    left -= static_cast<std::size_t>(used);
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
      sink.field(text(field.name, field.namelen), text(field.value, field.valuelen));
    }
    if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
      nghttp2_hd_inflate_end_headers(inflater_.get());
      return true;
    }
    if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && left == 0) return !last;
  }
}

}  // namespace tidegate::inspect::http
