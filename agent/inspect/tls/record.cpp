// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tls/record.hpp"

#include <cstring>

namespace tidegate::inspect {
namespace {

constexpr std::size_t kOldHeader = 2;
constexpr std::size_t kShortestOldHello = 9;

std::size_t old_length(Bytes header) {
  return (std::to_integer<std::size_t>(header[0]) & 0x7f) << 8 | std::to_integer<std::size_t>(header[1]);
}

}  // namespace

std::optional<std::size_t> record_size(Bytes header) {
  const auto at = [&header](std::size_t i) { return std::to_integer<unsigned>(header[i]); };
  const bool type = at(0) >= 20 && at(0) <= 24;
  const std::size_t body = at(3) << 8 | at(4);
  if (!type || at(1) != 3 || body > kLargestBody12) return std::nullopt;
  return kRecordHeader + body;
}

// What OpenSSL takes: nine bytes or more, as many as fit into its buffer of one record.
std::optional<std::size_t> old_hello_size(Bytes header) {
  if (!begins_old_hello(header.first(kRecordHeader))) return std::nullopt;
  return kOldHeader + old_length(header);
}

bool begins_old_hello(Bytes beginning) {
  const auto may_be = [&](std::size_t i, unsigned value) {
    return beginning.size() <= i || std::to_integer<unsigned>(beginning[i]) == value;
  };
  const bool length = beginning.size() < kOldHeader ||
                      (old_length(beginning) >= kShortestOldHello && old_length(beginning) <= kLargestBody12);
  return (std::to_integer<unsigned>(beginning[0]) & 0x80) != 0 && length && may_be(2, 1) && may_be(3, 3);
}

Record record_of(Bytes bytes) {
  Record record;
  record.type = static_cast<ContentType>(bytes[0]);
  record.version =
      static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[1]) << 8 | std::to_integer<unsigned>(bytes[2]));
  record.bytes = bytes;
  return record;
}

void BufferPool::Buffer::release() {
  if (capacity_ == 0) return;
  pool_->budget_->give_back(capacity_);
  auto& spare = pool_->spare(capacity_);
  if (spare.size() < kKept) spare.push_back(std::move(data_));
  data_.reset();
  capacity_ = 0;
}

BufferPool::Buffer BufferPool::get(std::size_t size) {
  Buffer buffer;
  const std::size_t capacity = size <= kSmall ? kSmall : kLarge;
  if (size > kLarge || !budget_->take(capacity)) return buffer;
  buffer.pool_ = this;
  buffer.capacity_ = capacity;
  auto& kept = spare(capacity);
  if (kept.empty()) {
    buffer.data_ = std::make_unique_for_overwrite<std::byte[]>(capacity);
  } else {
    buffer.data_ = std::move(kept.back());
    kept.pop_back();
  }
  return buffer;
}

bool PartialRecord::reserve(std::size_t size, BufferPool& pool) {
  if (size <= buffer_.capacity()) return true;
  BufferPool::Buffer larger = pool.get(size);
  if (larger.capacity() == 0) return false;
  if (size_ != 0) std::memcpy(larger.data(), buffer_.data(), size_);
  buffer_ = std::move(larger);
  return true;
}

// At most `size` bytes, as many as there are. False: no memory.
bool PartialRecord::take(Bytes& bytes, std::size_t size, BufferPool& pool) {
  size = std::min(size, bytes.size());
  if (!reserve(size_ + size, pool)) return false;
  if (size != 0) std::memcpy(buffer_.data() + size_, bytes.data(), size);
  size_ += static_cast<std::uint32_t>(size);
  bytes = bytes.subspan(size);
  return true;
}

PartialRecord::State PartialRecord::add(Bytes& bytes, BufferPool& pool, bool first) {
  if (needed_ == 0) {
    if (!take(bytes, kRecordHeader - size_, pool)) return State::kNoMemory;
    if (size_ < kRecordHeader) return State::kIncomplete;
    auto needed = record_size({buffer_.data(), size_});
    if (!needed && first) needed = old_hello_size({buffer_.data(), size_});
    if (!needed) return State::kMalformed;
    needed_ = static_cast<std::uint32_t>(*needed);
  }
  if (!take(bytes, needed_ - size_, pool)) return State::kNoMemory;
  return complete() ? State::kComplete : State::kIncomplete;
}

bool PartialRecord::add_hole(std::size_t size, BufferPool& pool) {
  if (needed_ == 0 || size > needed_ - size_ || !reserve(size_ + size, pool)) return false;
  std::memset(buffer_.data() + size_, 0, size);
  const std::uint32_t at = size_ - static_cast<std::uint32_t>(kRecordHeader);
  if (hole_end_ == 0) hole_begin_ = at;
  hole_end_ = at + static_cast<std::uint32_t>(size);
  size_ += static_cast<std::uint32_t>(size);
  return true;
}

Record PartialRecord::record() const {
  Record record = record_of({buffer_.data(), size_});
  record.hole_begin = hole_begin_;
  record.hole_end = hole_end_;
  return record;
}

void PartialRecord::clear() {
  buffer_.release();
  size_ = needed_ = hole_begin_ = hole_end_ = 0;
}

}  // namespace tidegate::inspect
