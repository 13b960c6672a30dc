// SPDX-License-Identifier: Apache-2.0
// One XDP link: made in the mode that was asked for, or not at all.
#pragma once

#include <string>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"
#include "agent/policy/model.hpp"

namespace tidegate::kernel {

struct LinkState {
  unsigned ifindex = 0;       // 0: the interface is gone, or the link was detached by force
  std::uint32_t program = 0;  // id
};

// kInvalidArgument when the descriptor is not an XDP link.
Result<LinkState> state_of_link(int link);

struct XdpAttach {
  std::string interface;
  policy::AttachMode mode = policy::AttachMode::kNative;
  bool native_available = true;  // of the kernel; false when forced off
  bool frags = false;            // the program takes packets in several buffers
};

// Errors name cause and remedy: no such interface, another program there, no native XDP in the driver, MTU too large.
Result<UniqueFd> create_xdp_link(int program, const XdpAttach& request);

}  // namespace tidegate::kernel
