// SPDX-License-Identifier: Apache-2.0
#include "cli/replay/frame.hpp"

#include <pcap/dlt.h>

#include <algorithm>

namespace tidegate::cli {
namespace {

constexpr std::size_t kEthernetHeader = 14;
constexpr std::size_t kLongest = 65535 + 64;  // an IP packet and its headers
constexpr std::uint16_t kIpv4 = 0x0800;
constexpr std::uint16_t kIpv6 = 0x86dd;
constexpr std::uint8_t kOutgoing = 4;  // PACKET_OUTGOING of a cooked header

std::uint8_t byte_at(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}

std::uint16_t word_at(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

struct Payload {
  std::size_t offset = 0;
  std::uint16_t ethertype = 0;
};

std::optional<Payload> by_version(std::span<const std::byte> captured, std::size_t offset) {
  if (captured.size() <= offset) return std::nullopt;
  const unsigned version = byte_at(captured, offset) >> 4;
  if (version != 4 && version != 6) return std::nullopt;
  return Payload{offset, version == 4 ? kIpv4 : kIpv6};
}

// https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html
std::optional<Payload> cooked(std::span<const std::byte> captured) {
  if (captured.size() < 16 || word_at(captured, 0) == kOutgoing) return std::nullopt;
  return Payload{16, word_at(captured, 14)};
}

// https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html
std::optional<Payload> cooked2(std::span<const std::byte> captured) {
  if (captured.size() < 20 || byte_at(captured, 10) == kOutgoing) return std::nullopt;
  return Payload{20, word_at(captured, 0)};
}

std::optional<Payload> payload_of(LinkType link, std::span<const std::byte> captured) {
  switch (link) {
    case LinkType::kRawIp:
      return by_version(captured, 0);
    case LinkType::kNull:  // four bytes of address family, whose numbers differ between systems: the IP version does
                           // not
      return by_version(captured, 4);
    case LinkType::kLinuxCooked:
      return cooked(captured);
    case LinkType::kLinuxCooked2:
      return cooked2(captured);
    case LinkType::kEthernet:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::optional<LinkType> link_type_of(int dlt) {
  switch (dlt) {
    case DLT_EN10MB:
      return LinkType::kEthernet;
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
    case 101:  // LINKTYPE_RAW, as some writers leave it
      return LinkType::kRawIp;
    case DLT_LINUX_SLL:
      return LinkType::kLinuxCooked;
    case DLT_LINUX_SLL2:
      return LinkType::kLinuxCooked2;
    case DLT_NULL:
    case DLT_LOOP:
      return LinkType::kNull;
    default:
      return std::nullopt;
  }
}

std::optional<std::vector<std::byte>> to_frame(LinkType link, std::span<const std::byte> captured, std::size_t length) {
  std::vector<std::byte> frame;
  std::size_t skipped = 0;
  if (link != LinkType::kEthernet) {
    const std::optional<Payload> payload = payload_of(link, captured);
    if (!payload) return std::nullopt;
    skipped = payload->offset;
    frame.resize(kEthernetHeader);
    frame[12] = static_cast<std::byte>(payload->ethertype >> 8);
    frame[13] = static_cast<std::byte>(payload->ethertype & 0xff);
  }
  const std::size_t whole = frame.size() + std::max(length, captured.size()) - skipped;
  frame.insert(frame.end(), captured.begin() + static_cast<std::ptrdiff_t>(skipped), captured.end());
  frame.resize(std::min(whole, kLongest));
  return frame;
}

std::optional<Address> source_of(std::span<const std::byte> frame) {
  std::size_t at = 12;
  for (int tags = 0; tags < 2 && frame.size() >= at + 2; ++tags) {
    const std::uint16_t type = word_at(frame, at);
    if (type != 0x8100 && type != 0x88a8) break;
    at += 4;
  }
  if (frame.size() < at + 2) return std::nullopt;
  const std::uint16_t type = word_at(frame, at);
  const std::size_t field = at + 2 + (type == kIpv4 ? 12 : 8);
  const std::size_t size = type == kIpv4 ? 4 : 16;
  if ((type != kIpv4 && type != kIpv6) || frame.size() < field + size) return std::nullopt;
  return Address::from_bytes(reinterpret_cast<const unsigned char*>(frame.data()) + field, size);
}

}  // namespace tidegate::cli
