// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/features.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/if_link.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "agent/base/unique_fd.hpp"
#include "agent/kernel/grace_period.hpp"

#ifndef BPF_F_XDP_HAS_FRAGS
#define BPF_F_XDP_HAS_FRAGS (1U << 5)
#endif

namespace tidegate::kernel {
namespace {

constexpr int kLoopback = 1;  // LOOPBACK_IFINDEX of the kernel, in every network namespace

// r0 = `verdict`; exit
UniqueFd load_trivial(bpf_prog_type type, bpf_attach_type attach_type, int verdict, __u32 flags = 0) {
  const bpf_insn program[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = verdict},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  bpf_prog_load_opts options{};
  options.sz = sizeof options;
  options.expected_attach_type = attach_type;
  options.prog_flags = flags;
  return UniqueFd(bpf_prog_load(type, "tg_probe", "GPL", program, std::size(program), &options));
}

bool probe_xdp_frags() {
  return static_cast<bool>(load_trivial(BPF_PROG_TYPE_XDP, BPF_XDP, XDP_PASS, BPF_F_XDP_HAS_FRAGS));
}

// Asks for native mode on the loopback interface, which has none: a kernel with XDP links says so (EOPNOTSUPP), or that
// somebody else's program is there; one without them does not know the link type (EINVAL).
bool probe_native_xdp() {
  const UniqueFd program = load_trivial(BPF_PROG_TYPE_XDP, BPF_XDP, XDP_PASS);
  if (!program) return false;
  bpf_link_create_opts options{};
  options.sz = sizeof options;
  options.flags = XDP_FLAGS_DRV_MODE;
  const UniqueFd link(bpf_link_create(program.get(), kLoopback, BPF_XDP, &options));
  return link || errno != EINVAL;
}

bool probe_tc_egress() {
  return static_cast<bool>(load_trivial(BPF_PROG_TYPE_SCHED_CLS, static_cast<bpf_attach_type>(0), 0));
}

bool probe_handshake_tracepoint() {
  const UniqueFd program = load_trivial(BPF_PROG_TYPE_RAW_TRACEPOINT, static_cast<bpf_attach_type>(0), 0);
  if (!program) return false;
  const UniqueFd link(bpf_raw_tracepoint_open("inet_sock_set_state", program.get()));
  return static_cast<bool>(link);
}

bool probe_socket_lookup() { return libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_skc_lookup_tcp, nullptr) == 1; }

bool probe_packet_length() {
  return libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_get_buff_len, nullptr) == 1;
}

struct Probe {
  std::string_view name;
  bool (*run)();
  const char* consequence;
};

constexpr Probe kProbes[] = {
    {feature::kXdpFrags, probe_xdp_frags,
     "interfaces with an MTU above about 3,500 bytes cannot be protected in native mode"},
    {feature::kNativeXdp, probe_native_xdp, "interfaces cannot be protected in native mode"},
    {feature::kTcEgress, probe_tc_egress,
     "answers to the host's own UDP queries and pings count as clients and may meet a service's limits"},
    {feature::kHandshakeTracepoint, probe_handshake_tracepoint,
     "sources that completed a handshake are not remembered: after a pause they draw on new_sources again"},
    {feature::kSocketLookup, probe_socket_lookup,
     "answers to the host's own TCP connections count as clients and may meet a service's limits"},
    {feature::kPacketLength, probe_packet_length,
     "packets in several buffers are charged with the length that their IP header states"},
    {feature::kMembarrier, has_global_membarrier, "a policy change takes a little longer"},
};

}  // namespace

Result<Features> Features::probe(const std::vector<std::string>& disabled) {
  for (const auto& name : disabled) {
    if (std::ranges::none_of(kProbes, [&](const Probe& probe) { return probe.name == name; })) {
      return fail(ErrorCode::kInvalidArgument, fmt::format("there is no kernel feature \"{}\" to switch off", name));
    }
  }
  Features features;
  for (const auto& probe : kProbes) {
    const bool off = std::ranges::find(disabled, probe.name) != disabled.end();
    features.list_.push_back({std::string(probe.name), !off && probe.run(), probe.consequence});
  }
  return features;
}

bool Features::has(std::string_view name) const {
  const auto found = std::ranges::find(list_, name, &Feature::name);
  return found != list_.end() && found->available;
}

}  // namespace tidegate::kernel
