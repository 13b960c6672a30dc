// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/capture/packet.hpp"

#include <algorithm>
#include <cstring>

namespace tidegate::inspect {
namespace {

constexpr std::uint16_t kIpv4 = 0x0800;
constexpr std::uint16_t kIpv6 = 0x86dd;
constexpr unsigned kMostTags = 2;
constexpr unsigned kMostExtensions = 6;  // as the datapath
constexpr std::size_t kEthernetHeader = 14;
constexpr std::size_t kNullHeader = 4;
constexpr std::size_t kCookedHeader = 16;
constexpr std::size_t kCooked2Header = 20;
constexpr std::size_t kTcpHeader = 20;
constexpr std::uint8_t kTcp = 6;
constexpr std::size_t kLargestCommon = 1500 - 20;  // TCP segment of an Ethernet frame
constexpr std::size_t kLargestSegment = 65'535;
constexpr std::size_t kLargestOffloaded = 1 << 20;  // twice what Linux builds

// The captured bytes, and where the packet ends on the wire; both counted from the start of the frame.
struct Packet {
  Bytes frame;
  std::size_t end;  // never below frame.size() before the IP length is known
  ChecksumOrigin checksum;

  bool has(std::size_t at, std::size_t size) const { return at + size <= frame.size(); }
  // What is wrong when bytes are not there: they were cut off by the capture, or never existed.
  PacketKind missing(std::size_t at, std::size_t size) const {
    return at + size <= end ? PacketKind::kOther : PacketKind::kMalformed;
  }
  std::uint8_t u8(std::size_t at) const { return std::to_integer<std::uint8_t>(frame[at]); }
  std::uint16_t u16(std::size_t at) const { return static_cast<std::uint16_t>(u8(at) << 8 | u8(at + 1)); }
  std::uint32_t u32(std::size_t at) const {
    std::uint32_t raw = 0;
    std::memcpy(&raw, frame.data() + at, sizeof raw);
    return __builtin_bswap32(raw);
  }
  std::uint64_t u64(std::size_t at) const { return static_cast<std::uint64_t>(u32(at)) << 32 | u32(at + 4); }
};

bool is_tag(std::uint16_t type) { return type == 0x8100 || type == 0x88a8 || type == 0x9100; }

Checksum checksum_of(const Packet& packet, std::size_t at, const Segment& segment) {
  const std::size_t size = packet.end - at;
  const std::size_t most = packet.checksum == ChecksumOrigin::kUntold ? kLargestCommon : kLargestSegment;
  if (segment.cut > 0 || size > most || !packet.has(at, size)) return Checksum::kUnknown;
  return judge_checksum(segment.source.address, segment.destination.address, packet.frame.subspan(at, size),
                        packet.checksum);
}

// The window scale of a SYN, whose options end at `end`. More than 14 counts as 14 (RFC 7323, 2.3).
std::optional<std::uint8_t> scale_of(const Packet& packet, std::size_t at, std::size_t end) {
  constexpr std::uint8_t kEnd = 0;
  constexpr std::uint8_t kNothing = 1;
  constexpr std::uint8_t kScale = 3;
  constexpr std::uint8_t kMost = 14;
  end = std::min(end, packet.frame.size());
  while (at + 2 < end && packet.u8(at) != kEnd) {
    if (packet.u8(at) == kNothing) {
      ++at;
      continue;
    }
    const std::size_t size = packet.u8(at + 1);
    if (size < 2) break;
    if (packet.u8(at) == kScale && size == 3) return std::min(packet.u8(at + 2), kMost);
    at += size;
  }
  return std::nullopt;
}

// Linux takes a pointer of 0 for one of 1.
std::uint16_t urgent_of(std::uint16_t pointer) { return std::max<std::uint16_t>(pointer, 1); }

PacketKind decode_tcp(Packet& packet, std::size_t at, Segment& segment) {
  if (at + kTcpHeader > packet.end) return PacketKind::kMalformed;
  if (!packet.has(at, kTcpHeader)) return PacketKind::kOther;
  const std::size_t header = (packet.u8(at + 12) >> 4) * 4U;
  if (header < kTcpHeader || at + header > packet.end) return PacketKind::kMalformed;
  segment.source.port = packet.u16(at);
  segment.destination.port = packet.u16(at + 2);
  segment.sequence = packet.u32(at + 4);
  segment.acknowledged = packet.u32(at + 8);
  const unsigned flags = packet.u8(at + 13);
  segment.fin = (flags & 0x01) != 0;
  segment.syn = (flags & 0x02) != 0;
  segment.rst = (flags & 0x04) != 0;
  segment.ack = (flags & 0x10) != 0;
  segment.window = packet.u16(at + 14);
  segment.full = segment.window == 0;
  segment.urgent = (flags & 0x20) == 0 ? 0 : urgent_of(packet.u16(at + 18));
  if (segment.syn) segment.scale = scale_of(packet, at + kTcpHeader, at + header);
  const std::size_t begin = std::min(at + header, packet.frame.size());
  const std::size_t captured = std::min(packet.end, packet.frame.size());
  segment.payload = packet.frame.subspan(begin, captured - begin);
  segment.cut = static_cast<std::uint32_t>(packet.end - (at + header) - segment.payload.size());
  segment.checksum = checksum_of(packet, at, segment);
  return PacketKind::kTcp;
}

// Sets where the packet ends from the length that its IP header states: Ethernet pads short frames, and 0 stands for a
// segment too large for the field (no larger than any system builds, whatever a capture file says).
bool set_end(Packet& packet, std::size_t begin, std::size_t header, std::size_t stated) {
  if (stated == 0) return packet.end - begin <= kLargestOffloaded;
  if (stated < header || begin + stated > packet.end) return false;
  packet.end = begin + stated;
  return true;
}

PacketKind decode_ipv4(Packet& packet, std::size_t at, Segment& segment) {
  constexpr std::size_t kHeader = 20;
  if (!packet.has(at, kHeader)) return packet.missing(at, kHeader);
  const std::size_t header = (packet.u8(at) & 0xf) * 4U;
  if (packet.u8(at) >> 4 != 4 || header < kHeader) return PacketKind::kMalformed;
  if (!set_end(packet, at, header, packet.u16(at + 2))) return PacketKind::kMalformed;
  constexpr std::uint16_t kFragment = 0x3fff;  // offset, or more to come
  if (packet.u8(at + 9) != kTcp) return PacketKind::kOther;
  if ((packet.u16(at + 6) & kFragment) != 0) return PacketKind::kFragment;
  segment.source.address = Address::from_v4(packet.u32(at + 12));
  segment.destination.address = Address::from_v4(packet.u32(at + 16));
  return decode_tcp(packet, at + header, segment);
}

// RFC 8200, 4: headers that may stand before TCP.
bool is_extension(std::uint8_t type) {
  switch (type) {
    case 0:    // hop-by-hop
    case 43:   // routing
    case 44:   // fragment
    case 51:   // authentication
    case 60:   // destination options
    case 135:  // mobility
    case 139:  // host identity
    case 140:  // shim6
      return true;
    default:
      return false;
  }
}

// The size of an extension header whose first 8 bytes are there; 0: the packet is part of a larger one. A fragment
// header on a whole packet is just skipped (RFC 6946).
std::size_t extension_size(const Packet& packet, std::uint8_t type, std::size_t at) {
  if (type == 44) return (packet.u16(at + 2) & 0xfff9) == 0 ? 8 : 0;
  if (type == 51) return (packet.u8(at + 1) + 2U) * 4;
  return (packet.u8(at + 1) + 1U) * 8;
}

PacketKind decode_ipv6(Packet& packet, std::size_t at, Segment& segment) {
  constexpr std::size_t kHeader = 40;
  if (!packet.has(at, kHeader)) return packet.missing(at, kHeader);
  if (packet.u8(at) >> 4 != 6) return PacketKind::kMalformed;
  const std::size_t length = packet.u16(at + 4);  // 0: jumbo (RFC 2675), or offloaded
  if (!set_end(packet, at, kHeader, length == 0 ? 0 : kHeader + length)) return PacketKind::kMalformed;
  segment.source.address = {packet.u64(at + 8), packet.u64(at + 16)};
  segment.destination.address = {packet.u64(at + 24), packet.u64(at + 32)};
  std::uint8_t type = packet.u8(at + 6);
  at += kHeader;
  for (unsigned i = 0; i <= kMostExtensions; ++i) {
    if (type == kTcp) return decode_tcp(packet, at, segment);
    if (!is_extension(type)) return PacketKind::kOther;
    if (!packet.has(at, 8)) return packet.missing(at, 8);
    const std::size_t size = extension_size(packet, type, at);
    if (size == 0) return packet.u8(at) == kTcp ? PacketKind::kFragment : PacketKind::kOther;
    type = packet.u8(at);
    at += size;
  }
  return PacketKind::kOther;
}

PacketKind decode_type(Packet& packet, std::uint16_t type, std::size_t at, Segment& segment) {
  for (unsigned tags = 0; is_tag(type); ++tags, at += 4) {
    if (tags == kMostTags) return PacketKind::kOther;
    if (!packet.has(at, 4)) return packet.missing(at, 4);
    type = packet.u16(at + 2);
  }
  if (type == kIpv4) return decode_ipv4(packet, at, segment);
  if (type == kIpv6) return decode_ipv6(packet, at, segment);
  return PacketKind::kOther;
}

PacketKind decode_by_version(Packet& packet, std::size_t at, Segment& segment) {
  if (!packet.has(at, 1)) return packet.missing(at, 1);
  const unsigned version = packet.u8(at) >> 4;
  if (version == 4) return decode_ipv4(packet, at, segment);
  if (version == 6) return decode_ipv6(packet, at, segment);
  return PacketKind::kOther;
}

}  // namespace

PacketKind decode_packet(LinkType link, Bytes frame, std::uint32_t wire_size, WallTime time, Segment& segment,
                         ChecksumOrigin origin) {
  Packet packet{frame, std::max<std::size_t>(frame.size(), wire_size), origin};
  segment.time = time;
  const auto typed = [&](std::size_t header, std::size_t type_at) {
    return packet.has(0, header) ? decode_type(packet, packet.u16(type_at), header, segment)
                                 : packet.missing(0, header);
  };
  switch (link) {
    case LinkType::kEthernet:
      return typed(kEthernetHeader, 12);
    case LinkType::kRawIp:
      return decode_by_version(packet, 0, segment);
    case LinkType::kNull:  // an address family whose numbers and byte order are the system's: the IP version says it
      return decode_by_version(packet, kNullHeader, segment);
    case LinkType::kLinuxCooked:
      return typed(kCookedHeader, 14);
    case LinkType::kLinuxCooked2:
      return typed(kCooked2Header, 0);
  }
  return PacketKind::kOther;
}

}  // namespace tidegate::inspect
