// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "agent/base/error.hpp"

namespace tidegate::kernel {

// The values of a BPF_F_MMAPABLE array in this process's memory, shared with the datapath.
// Keeps the map alive by itself; the descriptor may be closed.
template <typename Value>
class MappedArray {
  static_assert(sizeof(Value) % 8 == 0, "the kernel rounds values up to 8 bytes");

 public:
  static Result<MappedArray> map(int fd, std::size_t entries, const std::string& name) {
    void* at = mmap(nullptr, entries * sizeof(Value), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) return fail_errno(errno, "cannot map table " + name + " into memory");
    return MappedArray(static_cast<Value*>(at), entries);
  }
  MappedArray(MappedArray&& other) noexcept
      : values_(std::exchange(other.values_, nullptr)), entries_(std::exchange(other.entries_, 0)) {}
  MappedArray& operator=(MappedArray&& other) noexcept {
    std::swap(values_, other.values_);
    std::swap(entries_, other.entries_);
    return *this;
  }
  ~MappedArray() {
    if (values_ != nullptr) munmap(values_, entries_ * sizeof(Value));
  }

  std::span<Value> values() const { return {values_, entries_}; }
  Value& operator[](std::size_t index) const { return values_[index]; }
  std::size_t size() const { return entries_; }

 private:
  MappedArray(Value* values, std::size_t entries) : values_(values), entries_(entries) {}

  Value* values_;
  std::size_t entries_;
};

}  // namespace tidegate::kernel
