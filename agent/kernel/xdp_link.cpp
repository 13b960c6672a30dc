// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/xdp_link.hpp"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <linux/if_link.h>

#include <cerrno>
#include <cstring>

#include "agent/base/remedy.hpp"
#include "agent/kernel/network.hpp"

namespace tidegate::kernel {
namespace {

// A page less headroom and shared info: what one buffer holds, with room for what drivers reserve.
constexpr unsigned kSingleBufferMtu = 3500;

std::unexpected<Error> occupied(const std::string& interface, const XdpPresence& present) {
  return fail(
      ErrorCode::kAlreadyExists,
      fmt::format("interface {} has another XDP program, {}, in {} mode: detach it (ip link set dev {} xdp off, or "
                  "stop the program that owns it) or take {} out of the policy",
                  interface, describe_program(present.program), present.mode, interface, interface));
}

std::unexpected<Error> no_native(const XdpAttach& request, const std::string& why) {
  const auto& name = request.interface;
  const unsigned mtu = mtu_of(name);
  if (mtu > kSingleBufferMtu) {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format("interface {} cannot take native XDP at MTU {} ({}, {}{}): lower its MTU to {} or less, or set "
                    "mode: generic for it",
                    name, mtu, driver_of(name), request.frags ? "" : "kernel without xdp frags, ", why,
                    kSingleBufferMtu));
  }
  return fail(ErrorCode::kUnsupported, fmt::format("the driver of interface {} ({}) has no native XDP ({}): set mode: "
                                                   "generic for it in the policy, at a higher cost per packet",
                                                   name, driver_of(name), why));
}

std::unexpected<Error> attach_failed(const XdpAttach& request, unsigned ifindex, int error) {
  const bool native = request.mode == policy::AttachMode::kNative;
  switch (error) {
    case ENODEV:
      return fail(ErrorCode::kNotFound, fmt::format("interface {} went away while attaching: it is tried again when it "
                                                    "is back",
                                                    request.interface));
    case EBUSY:
    case EEXIST:
      return occupied(request.interface, xdp_on(ifindex));
    case EOPNOTSUPP:
    case ERANGE:
    case EINVAL:
    case ENOMEM:
      if (native) return no_native(request, std::strerror(error));
      break;
    default:
      break;
  }
  return with_remedy(fail_errno(error, fmt::format("cannot attach to interface {} in {} mode", request.interface,
                                                   native ? "native" : "generic")),
                     native ? "dmesg may say why; set mode: generic for it in the policy, at a higher cost per packet"
                            : "dmesg may say why; take it out of the policy to go on without it");
}

}  // namespace

Result<LinkState> state_of_link(int link) {
  bpf_link_info info{};
  __u32 size = sizeof info;
  if (bpf_obj_get_info_by_fd(link, &info, &size) != 0) return fail_errno(errno, "cannot look at a pinned link");
  if (info.type != BPF_LINK_TYPE_XDP) return fail(ErrorCode::kInvalidArgument, "the pinned object is not an XDP link");
  return LinkState{.ifindex = info.xdp.ifindex, .program = info.prog_id};
}

Result<UniqueFd> create_xdp_link(int program, const XdpAttach& request) {
  const unsigned ifindex = ifindex_of(request.interface);
  if (ifindex == 0) {
    return fail(ErrorCode::kNotFound, fmt::format("there is no interface {} in this network namespace: correct the "
                                                  "policy, or create it and it will be attached",
                                                  request.interface));
  }
  const bool native = request.mode == policy::AttachMode::kNative;
  if (native && !request.native_available) return no_native(request, "not available");
  if (const auto present = xdp_on(ifindex); present.program != 0) return occupied(request.interface, present);
  bpf_link_create_opts options{};
  options.sz = sizeof options;
  options.flags = native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
  UniqueFd link(bpf_link_create(program, static_cast<int>(ifindex), BPF_XDP, &options));
  if (!link) return attach_failed(request, ifindex, errno);
  return link;
}

}  // namespace tidegate::kernel
