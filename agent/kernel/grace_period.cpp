// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/grace_period.hpp"

#include <bpf/bpf.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "agent/base/unique_fd.hpp"

namespace tidegate::kernel {
namespace {

long membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0); }

// maybe_wait_bpf_programs() in kernel/bpf/syscall.c: synchronize_rcu() after an update of a map of maps.
Status wait_through_map_of_maps() {
  const UniqueFd inner(bpf_map_create(BPF_MAP_TYPE_ARRAY, "tg_grace_inner", 4, 4, 1, nullptr));
  if (!inner) return fail_errno(errno, "cannot create a map to wait for running programs");
  bpf_map_create_opts options{};
  options.sz = sizeof options;
  options.inner_map_fd = static_cast<__u32>(inner.get());
  const UniqueFd outer(bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "tg_grace", 4, 4, 1, &options));
  if (!outer) return fail_errno(errno, "cannot create a map of maps to wait for running programs");
  const __u32 index = 0;
  const __u32 value = static_cast<__u32>(inner.get());
  if (bpf_map_update_elem(outer.get(), &index, &value, BPF_ANY) != 0) {
    return fail_errno(errno, "cannot wait for running programs");
  }
  return {};
}

}  // namespace

bool has_global_membarrier() {
  const long commands = membarrier(MEMBARRIER_CMD_QUERY);
  return commands > 0 && (commands & MEMBARRIER_CMD_GLOBAL) != 0;
}

Status wait_for_programs(bool use_membarrier) {
  if (use_membarrier && membarrier(MEMBARRIER_CMD_GLOBAL) == 0) return {};
  return wait_through_map_of_maps();
}

}  // namespace tidegate::kernel
