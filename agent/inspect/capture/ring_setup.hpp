// SPDX-License-Identifier: Apache-2.0
// The agent's half of live capture: gives an AF_PACKET socket its receive ring. Whoever reads maps it (ring.hpp).
#pragma once

#include <chrono>
#include <cstdint>

#include "agent/base/error.hpp"

namespace tidegate::inspect {

// Blocks that the kernel fills with packets and hands over whole. Both sides must agree on it.
struct RingGeometry {
  std::uint32_t block_size = 1 << 20;  // a power of two from 128 KiB: the largest packet must fit
  std::uint32_t blocks = 32;           // 2 to 4096

  std::uint64_t bytes() const { return std::uint64_t{block_size} * blocks; }
  friend bool operator==(const RingGeometry&, const RingGeometry&) = default;
};

// kInvalidArgument names what is wrong.
Status check(const RingGeometry& geometry);

// TPACKET_V3, which can be chosen once per socket. A block that is not full is handed over `retire` after its first
// packet (whole milliseconds, at least 1). Needs CAP_NET_RAW; bind the socket afterwards.
Status set_up_ring(int socket, const RingGeometry& geometry, std::chrono::milliseconds retire);

}  // namespace tidegate::inspect
