// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"

namespace tidegate::kernel {

// `count` AF_PACKET sockets of all interfaces behind `program`, sharing the traffic by connection. Each comes into
// being deaf, and hears only when filter, lock and what `prepare` does are in place.
Result<std::vector<UniqueFd>> open_capture_sockets(int program, unsigned count,
                                                   const std::function<Status(int fd)>& prepare);

}  // namespace tidegate::kernel
