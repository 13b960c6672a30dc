// SPDX-License-Identifier: Apache-2.0
// Frames as they are read: Ethernet() / Vlan{.id = 10} / Ipv4{.source = "192.0.2.1"} / Tcp{.destination_port = 443,
// .syn = true}. A layer takes the type and length fields that nobody set from what follows it; what is set stays, also
// when it is wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tidegate::test {

using Bytes = std::vector<std::byte>;

struct Ethernet {
  std::optional<std::uint16_t> type = std::nullopt;
};

struct Vlan {
  std::uint16_t id = 1;
  std::uint16_t tag = 0x8100;  // 0x88a8: the service tag of 802.1ad
  std::optional<std::uint16_t> type = std::nullopt;
};

struct Arp {};

struct Ipv4 {
  std::string source = "192.0.2.1";
  std::string destination = "198.51.100.1";
  std::uint8_t ttl = 64;
  std::uint16_t fragment_offset = 0;  // in units of 8 bytes
  bool more_fragments = false;
  std::size_t options = 0;  // bytes, a multiple of 4
  std::optional<std::uint8_t> protocol = std::nullopt;
  std::optional<std::uint16_t> total_length = std::nullopt;
  std::optional<std::uint8_t> version = std::nullopt;
  std::optional<std::uint8_t> header_words = std::nullopt;
};

struct Ipv6 {
  std::string source = "2001:db8::1";
  std::string destination = "2001:db8:1::1";
  std::uint8_t hop_limit = 64;
  std::optional<std::uint8_t> next = std::nullopt;
  std::optional<std::uint16_t> payload_length = std::nullopt;
  std::optional<std::uint8_t> version = std::nullopt;
};

// An extension header of the common form: hop-by-hop 0, routing 43, destination options 60, mobility 135, …
struct Extension {
  std::uint8_t type = 60;
  std::uint8_t units = 0;  // of 8 bytes beyond the first 8
  std::optional<std::uint8_t> next = std::nullopt;
};

struct Fragment6 {
  std::uint16_t offset = 0;  // in units of 8 bytes
  bool more = false;
  std::optional<std::uint8_t> next = std::nullopt;
};

struct Authentication {
  std::uint8_t words = 4;  // length field: 32-bit words minus 2
  std::optional<std::uint8_t> next = std::nullopt;
};

struct Tcp {
  std::uint16_t source_port = 40000;
  std::uint16_t destination_port = 443;
  bool syn = false, ack = false, fin = false, rst = false;
  std::uint8_t header_words = 5;
};

struct Udp {
  std::uint16_t source_port = 40000;
  std::uint16_t destination_port = 53;
  std::optional<std::uint16_t> length = std::nullopt;
};

struct Icmp {  // and ICMPv6, by the IP version around it
  std::uint8_t type = 8;
  std::uint8_t code = 0;
  std::uint16_t identifier = 1;
};

struct Gre {};

struct Payload {
  std::size_t size = 0;
};

using Layer =
    std::variant<Ethernet, Vlan, Arp, Ipv4, Ipv6, Extension, Fragment6, Authentication, Tcp, Udp, Icmp, Gre, Payload>;

class Frame {
 public:
  Frame(Ethernet layer) : layers_{layer} {}  // NOLINT(google-explicit-constructor): Ethernet() / … reads well

  friend Frame operator/(Frame frame, Layer layer) {
    frame.layers_.push_back(std::move(layer));
    return frame;
  }
  // With correct IPv4 header checksums; checksums of L4 are left 0.
  Bytes bytes() const;
  // The first `size` bytes.
  Bytes cut(std::size_t size) const;

 private:
  std::vector<Layer> layers_;
};

inline Frame operator/(Ethernet first, Layer second) { return Frame(first) / std::move(second); }

}  // namespace tidegate::test
