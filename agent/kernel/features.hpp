// SPDX-License-Identifier: Apache-2.0
// What this kernel can do: probed once by trying, never guessed from a version; each can be forced off for tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/kernel/datapath.hpp"

namespace tidegate::kernel {

namespace feature {
inline constexpr std::string_view kXdpFrags = "xdp_frags";
inline constexpr std::string_view kNativeXdp = "native_xdp";
inline constexpr std::string_view kTcEgress = "tc_egress";
inline constexpr std::string_view kHandshakeTracepoint = "handshake_tracepoint";
inline constexpr std::string_view kSocketLookup = "socket_lookup";
inline constexpr std::string_view kPacketLength = "packet_length";
inline constexpr std::string_view kMembarrier = "membarrier";
}  // namespace feature

// Immutable.
class Features {
 public:
  // Tries each. kInvalidArgument for a name in `disabled` that is none.
  static Result<Features> probe(const std::vector<std::string>& disabled);

  bool has(std::string_view name) const;
  const std::vector<Feature>& list() const { return list_; }

 private:
  std::vector<Feature> list_;
};

}  // namespace tidegate::kernel
