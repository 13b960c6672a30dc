// SPDX-License-Identifier: Apache-2.0
// TCP checksums (RFC 9293, 3.1; RFC 8200, 8.1): what a receiver would drop must not be read here.
#pragma once

#include <cstdint>

#include "agent/inspect/model/flow.hpp"

namespace tidegate::inspect {

// What is known of the checksum of a frame's segment before it is computed.
enum class ChecksumOrigin : std::uint8_t {
  kUntold,    // a capture file does not say: on the sender, the device may be to fill it in
  kSettled,   // the device or the kernel has verified it, or is still to fill it in
  kFilledIn,  // it is there, and nobody has verified it
};

enum class Checksum : std::uint8_t {
  kUnknown,   // nothing can be said, or need not be
  kRight,     //
  kDoubtful,  // wrong, unless the sender leaves it to its device
  kWrong,
};

// `tcp` is the whole segment from its header on, no longer than 65,535 bytes. Pure.
Checksum judge_checksum(const Address& source, const Address& destination, Bytes tcp, ChecksumOrigin origin);

}  // namespace tidegate::inspect
