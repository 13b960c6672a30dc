// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "agent/base/clock.hpp"
#include "agent/inspect/capture/packet.hpp"

namespace tidegate::inspect {

// What a file or a ring yields; decode_packet() reads it. The bytes live until the next one is asked for.
struct CapturedFrame {
  LinkType link = LinkType::kEthernet;
  Bytes bytes;
  std::uint32_t wire_size = 0;  // of the packet; more than bytes.size() when it was cut
  WallTime time{};
  ChecksumOrigin checksum = ChecksumOrigin::kUntold;
};

}  // namespace tidegate::inspect
