// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/peers.hpp"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "peers.skel.h"

namespace tidegate::bench {
namespace {

constexpr std::array kXdpFilterObjects = {
    "/usr/lib/x86_64-linux-gnu/bpf/xdpfilt_alw_ip.o",
    "/usr/lib/aarch64-linux-gnu/bpf/xdpfilt_alw_ip.o",
    "/usr/lib/bpf/xdpfilt_alw_ip.o",
};
constexpr std::uint64_t kDenySource = 1;  // xdp-filter's MAP_FLAG_SRC; the upper bits count hits

Result<std::shared_ptr<peers>> load_peers() {
  std::shared_ptr<peers> skeleton(peers__open_and_load(), peers__destroy);
  if (!skeleton) {
    return fail_errno(errno, "cannot load the reference programs");
  }
  return skeleton;
}

std::string find_xdp_filter() {
  for (const auto* path : kXdpFilterObjects) {
    if (std::filesystem::exists(path)) {
      return path;
    }
  }
  return "";
}

// xdp-filter carries two sections for libxdp that libbpf remarks on.
int print_unless_expected(libbpf_print_level level, const char* format, va_list arguments) {
  const bool expected = std::string_view(format).find("skipping unrecognized") != std::string_view::npos;
  return level == LIBBPF_WARN && !expected ? std::vfprintf(stderr, format, arguments) : 0;
}

// Its maps ask to be pinned by name; ours is a private copy.
void forget_pins(bpf_object* object) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) { bpf_map__set_pin_path(map, nullptr); }
}

Status deny(int map, std::uint32_t first, std::uint32_t count) {
  std::vector<std::uint64_t> flags(static_cast<std::size_t>(libbpf_num_possible_cpus()), kDenySource);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t address = htonl(first + i);
    if (bpf_map_update_elem(map, &address, flags.data(), BPF_ANY) != 0) {
      return fail_errno(errno, "cannot fill xdp-filter's table");
    }
  }
  return {};
}

}  // namespace

Result<Subject> bare_drop() {
  TIDEGATE_ASSIGN(auto skeleton, load_peers());
  return Subject{"bare drop", bpf_program__fd(skeleton->progs.drop), false, skeleton};
}

Result<Subject> parse_and_drop() {
  TIDEGATE_ASSIGN(auto skeleton, load_peers());
  return Subject{"parse and drop", bpf_program__fd(skeleton->progs.parse_and_drop), false, skeleton};
}

Result<Subject> gcra_lru_hash() {
  TIDEGATE_ASSIGN(auto skeleton, load_peers());
  return Subject{"GCRA in LRU_HASH", bpf_program__fd(skeleton->progs.gcra_lru), false, skeleton};
}

Result<Subject> xdp_filter(std::uint32_t first, std::uint32_t count) {
  const auto path = find_xdp_filter();
  if (path.empty()) {
    return fail(ErrorCode::kNotFound, "xdp-filter: package xdp-tools is not installed");
  }
  libbpf_set_print(print_unless_expected);
  std::shared_ptr<bpf_object> object(bpf_object__open(path.c_str()), bpf_object__close);
  if (!object) {
    return fail_errno(errno, "cannot open " + path);
  }
  forget_pins(object.get());
  if (bpf_object__load(object.get()) != 0) {
    return fail_errno(errno, "cannot load " + path);
  }
  TIDEGATE_TRY(deny(bpf_object__find_map_fd_by_name(object.get(), "filter_ipv4"), first, count));
  return Subject{"xdp-filter", bpf_program__fd(bpf_object__next_program(object.get(), nullptr)), false, object};
}

}  // namespace tidegate::bench
