// SPDX-License-Identifier: Apache-2.0
// The frames that the benchmarks send. Sources are written over later; everything else is as real frames have it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tidegate::bench {

enum class Transport { kTcpSyn, kTcpAck, kUdp };

struct FrameSpec {
  bool ipv6 = false;
  Transport transport = Transport::kTcpSyn;
  std::uint16_t port = 443;
  std::size_t size = 64;  // of the whole frame; headers make it longer where they must
};

// Ethernet, IP, TCP or UDP with right lengths and a right IPv4 checksum, from 198.18.0.1 or 2001:db8:0:1::1
// to 192.0.2.1 or 2001:db8::1.
std::vector<std::byte> make_frame(const FrameSpec& spec);

}  // namespace tidegate::bench
