// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/egress.hpp"

#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <cerrno>

#include "agent/kernel/libbpf_log.hpp"

namespace tidegate::kernel {
namespace {

constexpr __u32 kHandle = 0x7467;  // "tg"
constexpr __u32 kPriority = 16;    // early, to see what later filters end; the program lets every packet go on to them

bpf_tc_hook hook_on(unsigned ifindex) {
  bpf_tc_hook hook{};
  hook.sz = sizeof hook;
  hook.ifindex = static_cast<int>(ifindex);
  hook.attach_point = BPF_TC_EGRESS;
  return hook;
}

bpf_tc_opts our_filter() {
  bpf_tc_opts options{};
  options.sz = sizeof options;
  options.handle = kHandle;
  options.priority = kPriority;
  return options;
}

}  // namespace

Status attach_egress(unsigned ifindex, int program) {
  const LibbpfLog log;
  auto hook = hook_on(ifindex);
  const int created = bpf_tc_hook_create(&hook);
  if (created != 0 && created != -EEXIST) {
    return fail_errno(-created, fmt::format("cannot make a clsact qdisc on interface {}", ifindex));
  }
  auto filter = our_filter();
  filter.prog_fd = program;
  filter.flags = BPF_TC_F_REPLACE;
  const int attached = bpf_tc_attach(&hook, &filter);
  if (attached == 0) return {};
  return fail_errno(-attached, fmt::format("cannot attach to clsact egress of interface {}", ifindex));
}

unsigned egress_program(unsigned ifindex) {
  const LibbpfLog quiet;
  const auto hook = hook_on(ifindex);
  auto filter = our_filter();
  return bpf_tc_query(&hook, &filter) == 0 ? filter.prog_id : 0;
}

void detach_egress(unsigned ifindex) {
  const LibbpfLog quiet;
  const auto hook = hook_on(ifindex);
  const auto filter = our_filter();
  bpf_tc_detach(&hook, &filter);
}

}  // namespace tidegate::kernel
