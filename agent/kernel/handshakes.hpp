// SPDX-License-Identifier: Apache-2.0
// The raw tracepoint through which the kernel reports established connections, in all network namespaces.
#pragma once

#include <string_view>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"
#include "agent/kernel/pins.hpp"

namespace tidegate::kernel {

inline constexpr std::string_view kHandshakePin = "handshakes";

// Attaches and pins the link. An earlier agent's goes only when the new one works: for a moment both mark a source.
Result<UniqueFd> attach_handshakes(int program, const PinDirectory& pins);

}  // namespace tidegate::kernel
