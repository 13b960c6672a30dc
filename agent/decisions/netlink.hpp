// SPDX-License-Identifier: Apache-2.0
// A dump over netlink. Inside tidegate_decisions only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "agent/base/error.hpp"

namespace tidegate::decisions {

// Asks `protocol` (NETLINK_ROUTE, NETLINK_SOCK_DIAG) for everything of `type`; `visit` gets the payload of each
// message. In the network namespace of the calling thread.
Status netlink_dump(int protocol, std::uint16_t type, std::span<const std::byte> request,
                    const std::function<void(std::span<const std::byte>)>& visit);

// Visits the attributes (struct rtattr) in `bytes`; stops at the first that does not fit.
void each_attribute(std::span<const std::byte> bytes,
                    const std::function<void(std::uint16_t type, std::span<const std::byte> value)>& visit);

}  // namespace tidegate::decisions
