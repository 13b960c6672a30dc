// SPDX-License-Identifier: Apache-2.0
// From a captured frame to a TCP segment.
#pragma once

#include <cstdint>
#include <optional>

#include "agent/base/clock.hpp"
#include "agent/inspect/capture/checksum.hpp"
#include "agent/inspect/model/flow.hpp"

namespace tidegate::inspect {

// The link types that are read, by what they are (pcap's numbers are mapped in capture/).
enum class LinkType : std::uint8_t { kEthernet, kRawIp, kNull, kLinuxCooked, kLinuxCooked2 };

struct Segment {
  WallTime time{};
  Endpoint source;
  Endpoint destination;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledged = 0;
  bool syn = false;
  bool ack = false;
  bool fin = false;
  bool rst = false;
  Checksum checksum = Checksum::kUnknown;
  bool full = false;  // the sender's receive window is 0
  // The urgent byte is the one before sequence + urgent, as RFC 9293, 3.8.5 was read by BSD and is by Linux (RFC 6093,
  // 3.1); it may be in a later segment. 0: none.
  std::uint16_t urgent = 0;
  std::uint16_t window = 65'535;      // as it is written, not scaled
  std::optional<std::uint8_t> scale;  // of a SYN: by how many bits its sender's windows are shifted (RFC 7323, 2.2)
  Bytes payload;                      // lives as long as the frame
  std::uint32_t cut = 0;              // payload bytes that followed on the wire but were not captured (snap length)
};

enum class PacketKind : std::uint8_t {
  kTcp,
  kOther,      // sound, but not a TCP segment that can be followed: UDP, ARP
  kFragment,   // a part of a TCP segment
  kMalformed,  // lengths that cannot be
};

// `frame` is what was captured, `wire_size` what the packet had. Up to two VLAN tags; IPv4 with options, IPv6 with
// extension headers; segments of offloaded sizes (a total length of 0, or jumbo payloads: the frame's end counts).
// Checksums are looked at where the segment is there as it was sent: not cut, and of a file's no larger than a common
// frame, because a device that puts segments together leaves the checksum of one of them.
PacketKind decode_packet(LinkType link, Bytes frame, std::uint32_t wire_size, WallTime time, Segment& segment,
                         ChecksumOrigin origin = ChecksumOrigin::kUntold);

}  // namespace tidegate::inspect
