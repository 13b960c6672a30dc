// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/handshakes.hpp"

#include <bpf/bpf.h>

#include <cerrno>

namespace tidegate::kernel {

Result<UniqueFd> attach_handshakes(int program, const PinDirectory& pins) {
  UniqueFd link(bpf_raw_tracepoint_open("inet_sock_set_state", program));
  if (!link) return fail_errno(errno, "cannot attach to tracepoint inet_sock_set_state");
  pins.unpin(kHandshakePin);
  TIDEGATE_TRY(pins.pin(link.get(), kHandshakePin));
  return link;
}

}  // namespace tidegate::kernel
