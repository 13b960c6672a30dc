// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace tidegate::inspect {

// Zeroed pages for secrets: in no core dump and in no child, not swapped out when locked, wiped when given back.
// Unlocked ones take physical memory only where they were written.
class LockedMemory {
 public:
  LockedMemory() = default;
  // Throws std::bad_alloc when there is no address space.
  LockedMemory(std::size_t size, bool lock);
  LockedMemory(LockedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(other.size_), locked_(other.locked_), all_(other.all_) {}
  LockedMemory& operator=(LockedMemory&&) = delete;
  ~LockedMemory();

  // Locking was asked for and allowed.
  bool locked() const { return locked_; }
  std::span<std::byte> bytes() const { return {static_cast<std::byte*>(data_), size_}; }
  template <typename T>
  std::span<T> as() const {
    return {static_cast<T*>(data_), size_ / sizeof(T)};
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
  bool locked_ = false;
  bool all_ = false;  // locking was asked for: all pages may have been written
};

// Keeps all that this process has mapped and will map out of swap, each page from its first use on, so that copies of
// secrets in the heap and in libcrypto are too. Only where RLIMIT_MEMLOCK is unlimited or has room for what is mapped
// now and `more` bytes: beyond the limit nothing could be mapped any more. False: not done.
bool lock_whole_process(std::uint64_t more);

}  // namespace tidegate::inspect
