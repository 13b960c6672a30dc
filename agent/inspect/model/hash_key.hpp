// SPDX-License-Identifier: Apache-2.0
// Memory that keeps nothing of what it held.
#pragma once

#include <string.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace tidegate::inspect {

// Under which identities are hashed. Wiped at its end and when it is moved from; what an assignment replaces is
// overwritten. All zeros until filled. Copying is not inline, or the compiler would carry keys from copy to copy in
// registers, and leave them where it spilled those.
class HashKey {
 public:
  HashKey() = default;
  HashKey(const HashKey& other);
  HashKey& operator=(const HashKey& other);
  HashKey(HashKey&& other) noexcept;
  HashKey& operator=(HashKey&& other) noexcept;
  ~HashKey();

  std::byte* data() { return bytes_.data(); }
  const std::byte* data() const { return bytes_.data(); }
  static constexpr std::size_t size() { return std::tuple_size_v<Bytes>; }
  std::byte* begin() { return data(); }
  std::byte* end() { return data() + size(); }
  const std::byte* begin() const { return data(); }
  const std::byte* end() const { return data() + size(); }
  void fill(std::byte value) { bytes_.fill(value); }

  friend bool operator==(const HashKey&, const HashKey&) = default;

 private:
  using Bytes = std::array<std::byte, 32>;
  void wipe();

  Bytes bytes_{};
};

// Wipes what a container gives back, also when it grows. clear() gives nothing back.
template <typename T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <typename Other>
  WipingAllocator(const WipingAllocator<Other>&) {}  // NOLINT: as allocators convert
  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, std::size_t count) {
    ::explicit_bzero(memory, count * sizeof(T));
    std::allocator<T>().deallocate(memory, count);
  }
  friend bool operator==(const WipingAllocator&, const WipingAllocator&) { return true; }
};

using SecretBytes = std::vector<std::byte, WipingAllocator<std::byte>>;

}  // namespace tidegate::inspect
