// SPDX-License-Identifier: Apache-2.0
// Maps as descriptors with a name, and what is read and written through the bpf(2) system call.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"
#include "agent/kernel/mapped_array.hpp"

namespace tidegate::kernel {

// What has to agree before a pinned map is taken over.
struct MapShape {
  std::uint32_t type = 0;
  std::uint32_t key_size = 0;
  std::uint32_t value_size = 0;
  std::uint32_t max_entries = 0;
  std::uint32_t flags = 0;
  friend bool operator==(const MapShape&, const MapShape&) = default;
};
using MapShapes = std::map<std::string, MapShape, std::less<>>;

Result<MapShape> shape_of(int fd, std::string_view name);

// Bytes of kernel memory, from /proc/self/fdinfo; 0 when the kernel does not say.
std::uint64_t memory_of(int fd);

// CPUs for which a per-CPU map holds a value.
unsigned possible_cpus();

// The datapath's maps by name. Moves only.
class MapSet {
 public:
  void add(std::string name, UniqueFd fd) { fds_.insert_or_assign(std::move(name), std::move(fd)); }
  int fd(std::string_view name) const;  // -1 when there is none
  auto begin() const { return fds_.begin(); }
  auto end() const { return fds_.end(); }
  std::uint64_t memory(std::initializer_list<std::string_view> names) const;

  Status write(std::string_view name, std::uint32_t index, const void* value) const;
  Status read(std::string_view name, std::uint32_t index, void* value) const;
  // Entries from `first` on; one system call where the kernel can (Linux 5.6, per CPU 5.16), else one each.
  // `value_size`: of one entry as the system call sees it, all CPUs of a per-CPU map together.
  Status write_many(std::string_view name, std::uint32_t first, std::uint32_t count, const void* values,
                    std::size_t value_size) const;
  Status read_many(std::string_view name, std::uint32_t first, std::uint32_t count, void* values,
                   std::size_t value_size) const;

  // A BPF_F_MMAPABLE array as memory, all its entries.
  template <typename Value>
  Result<MappedArray<Value>> mapped(std::string_view name) const {
    TIDEGATE_ASSIGN(const MapShape shape, shape_of(fd(name), name));
    return MappedArray<Value>::map(fd(name), shape.max_entries, std::string(name));
  }

 private:
  std::map<std::string, UniqueFd, std::less<>> fds_;
};

}  // namespace tidegate::kernel
