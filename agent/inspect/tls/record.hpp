// SPDX-License-Identifier: Apache-2.0
// TLS records (RFC 8446, 5.1; RFC 5246, 6.2): their bounds, and one that is put together from pieces.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "agent/inspect/model/flow.hpp"
#include "agent/inspect/model/memory.hpp"

namespace tidegate::inspect {

inline constexpr std::size_t kRecordHeader = 5;
inline constexpr std::size_t kLargestPlaintext = 1 << 14;
inline constexpr std::size_t kLargestBody12 = kLargestPlaintext + 2048;
inline constexpr std::size_t kLargestBody13 = kLargestPlaintext + 256;

enum class ContentType : std::uint8_t {
  kChangeCipherSpec = 20,
  kAlert = 21,
  kHandshake = 22,
  kApplicationData = 23,
  kHeartbeat = 24,
};

struct Record {
  ContentType type = ContentType::kHandshake;
  std::uint16_t version = 0;
  Bytes bytes;  // header and body
  // Bytes of the body that were lost, here zero: [hole_begin, hole_end). Empty: none.
  std::size_t hole_begin = 0;
  std::size_t hole_end = 0;

  Bytes header() const { return bytes.first(kRecordHeader); }
  Bytes body() const { return bytes.subspan(kRecordHeader); }
  bool damaged() const { return hole_end > hole_begin; }
};

// Size of header and body by the header, at least kRecordHeader bytes; nullopt: no record begins like this. Servers
// look at the major version at most (RFC 8446, 5.1: legacy_record_version is ignored): a minor one that does not exist
// hides nothing.
std::optional<std::size_t> record_size(Bytes header);
Record record_of(Bytes bytes);

// A ClientHello in the format of SSL 2.0 (RFC 5246, E.2), which servers take as the first thing a client says: a size
// of 15 bits behind a set bit, the message type 1, and a version of TLS. It takes the place of a record: nothing else
// has a type with the highest bit set. Its size by its first kRecordHeader bytes, as record_size() tells that of a
// record.
std::optional<std::size_t> old_hello_size(Bytes header);
// Whether these bytes, at least one, may be the beginning of one.
bool begins_old_hello(Bytes beginning);
inline bool is_old_hello(const Record& record) { return (static_cast<unsigned>(record.type) & 0x80) != 0; }

// Buffers of two sizes, taken from the budget and kept for reuse. Used by one thread.
class BufferPool {
 public:
  static constexpr std::size_t kSmall = 2048;
  static constexpr std::size_t kLarge = kRecordHeader + kLargestBody12;

  explicit BufferPool(MemoryBudget& budget) : budget_(&budget) {}

  class Buffer {
   public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept
        : pool_(other.pool_), data_(std::move(other.data_)), capacity_(std::exchange(other.capacity_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
      release();
      pool_ = other.pool_;
      data_ = std::move(other.data_);
      capacity_ = std::exchange(other.capacity_, 0);
      return *this;
    }
    ~Buffer() { release(); }
    void release();
    std::byte* data() const { return data_.get(); }
    std::size_t capacity() const { return capacity_; }

   private:
    friend BufferPool;
    BufferPool* pool_ = nullptr;
    std::unique_ptr<std::byte[]> data_;
    std::size_t capacity_ = 0;
  };

  // For at least `size` bytes, at most kLarge. Without capacity: the budget is spent.
  Buffer get(std::size_t size);

 private:
  static constexpr std::size_t kKept = 32;
  std::vector<std::unique_ptr<std::byte[]>>& spare(std::size_t capacity) {
    return capacity == kSmall ? small_ : large_;
  }

  MemoryBudget* budget_;
  std::vector<std::unique_ptr<std::byte[]>> small_;
  std::vector<std::unique_ptr<std::byte[]>> large_;
};

// A record of which a part is there. Grows with what came, not with what its header promises.
class PartialRecord {
 public:
  enum class State : std::uint8_t { kIncomplete, kComplete, kMalformed, kNoMemory };

  // Takes from the front of `bytes` what belongs to this record. `first`: it may be a ClientHello of the old format.
  State add(Bytes& bytes, BufferPool& pool, bool first = false);
  // `size` bytes are missing. False: they reach beyond what is known of this record, or there is no memory.
  bool add_hole(std::size_t size, BufferPool& pool);
  bool complete() const { return needed_ != 0 && size_ == needed_; }
  bool empty() const { return size_ == 0; }
  Record record() const;
  void clear();

 private:
  bool reserve(std::size_t size, BufferPool& pool);
  bool take(Bytes& bytes, std::size_t size, BufferPool& pool);

  BufferPool::Buffer buffer_;
  std::uint32_t size_ = 0;
  std::uint32_t needed_ = 0;  // header and body; 0: the header is not complete
  std::uint32_t hole_begin_ = 0;
  std::uint32_t hole_end_ = 0;
};

}  // namespace tidegate::inspect
