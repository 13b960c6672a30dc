// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/maps.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <numeric>
#include <vector>

namespace tidegate::kernel {

Result<MapShape> shape_of(int fd, std::string_view name) {
  bpf_map_info info{};
  __u32 size = sizeof info;
  if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) {
    return fail_errno(errno, fmt::format("cannot look at map {}", name));
  }
  return MapShape{info.type, info.key_size, info.value_size, info.max_entries, info.map_flags};
}

std::uint64_t memory_of(int fd) {
  std::ifstream lines(fmt::format("/proc/self/fdinfo/{}", fd));
  std::string word;
  std::uint64_t bytes = 0;
  while (lines >> word) {
    if (word == "memlock:" && lines >> bytes) return bytes;
  }
  return 0;
}

unsigned possible_cpus() {
  static const int cpus = libbpf_num_possible_cpus();
  return cpus > 0 ? static_cast<unsigned>(cpus) : 1U;
}

int MapSet::fd(std::string_view name) const {
  const auto found = fds_.find(name);
  return found == fds_.end() ? -1 : found->second.get();
}

std::uint64_t MapSet::memory(std::initializer_list<std::string_view> names) const {
  std::uint64_t bytes = 0;
  for (const auto name : names) bytes += memory_of(fd(name));
  return bytes;
}

Status MapSet::write(std::string_view name, std::uint32_t index, const void* value) const {
  if (bpf_map_update_elem(fd(name), &index, value, BPF_ANY) == 0) return {};
  return fail_errno(errno, fmt::format("cannot write entry {} of map {}", index, name));
}

Status MapSet::read(std::string_view name, std::uint32_t index, void* value) const {
  if (bpf_map_lookup_elem(fd(name), &index, value) == 0) return {};
  return fail_errno(errno, fmt::format("cannot read entry {} of map {}", index, name));
}

Status MapSet::write_many(std::string_view name, std::uint32_t first, std::uint32_t count, const void* values,
                          std::size_t value_size) const {
  std::vector<std::uint32_t> keys(count);
  std::iota(keys.begin(), keys.end(), first);
  __u32 done = count;
  if (bpf_map_update_batch(fd(name), keys.data(), values, &done, nullptr) == 0 && done == count) return {};
  const auto* bytes = static_cast<const std::byte*>(values);
  for (std::uint32_t i = 0; i < count; ++i) TIDEGATE_TRY(write(name, first + i, bytes + i * value_size));
  return {};
}

Status MapSet::read_many(std::string_view name, std::uint32_t first, std::uint32_t count, void* values,
                         std::size_t value_size) const {
  std::vector<std::uint32_t> keys(count);
  __u32 done = count;
  std::uint32_t before = first - 1;  // the batch starts after this key
  std::uint32_t next = 0;
  const int error =
      bpf_map_lookup_batch(fd(name), first == 0 ? nullptr : &before, &next, keys.data(), values, &done, nullptr);
  if ((error == 0 || errno == ENOENT) && done == count) return {};  // ENOENT: the batch reached the end
  auto* bytes = static_cast<std::byte*>(values);
  for (std::uint32_t i = 0; i < count; ++i) TIDEGATE_TRY(read(name, first + i, bytes + i * value_size));
  return {};
}

}  // namespace tidegate::kernel
