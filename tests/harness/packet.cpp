// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/packet.hpp"

#include <arpa/inet.h>

#include <array>
#include <span>
#include <stdexcept>

namespace tidegate::test {
namespace {

constexpr std::uint8_t kNoNext = 59;

class Writer {
 public:
  Writer& u8(unsigned value) {
    bytes_.push_back(static_cast<std::byte>(value));
    return *this;
  }
  Writer& u16(unsigned value) { return u8(value >> 8 & 0xff).u8(value & 0xff); }
  Writer& u32(std::uint32_t value) { return u16(value >> 16).u16(value & 0xffff); }
  Writer& zeros(std::size_t count) {
    bytes_.resize(bytes_.size() + count);
    return *this;
  }
  Writer& append(std::span<const std::byte> more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    return *this;
  }
  Writer& address(int family, const std::string& text) {
    std::array<std::byte, 16> raw{};
    if (inet_pton(family, text.c_str(), raw.data()) != 1) throw std::invalid_argument("not an address: " + text);
    return append(std::span(raw).first(family == AF_INET ? 4 : 16));
  }
  Bytes& bytes() { return bytes_; }

 private:
  Bytes bytes_;
};

// What a layer is called by the one in front of it.
struct Kind {
  std::uint16_t ethertype = 0;
  std::uint8_t protocol = kNoNext;
};

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

Kind kind_of(const Layer& layer, bool in_ipv4) {
  return std::visit(Overloaded{[](const Vlan& l) {
                                 return Kind{l.tag, kNoNext};
                               },
                               [](const Arp&) {
                                 return Kind{0x0806, kNoNext};
                               },
                               [](const Ipv4&) {
                                 return Kind{0x0800, 4};
                               },
                               [](const Ipv6&) {
                                 return Kind{0x86dd, 41};
                               },
                               [](const Extension& l) {
                                 return Kind{0, l.type};
                               },
                               [](const Fragment6&) {
                                 return Kind{0, 44};
                               },
                               [](const Authentication&) {
                                 return Kind{0, 51};
                               },
                               [](const Tcp&) {
                                 return Kind{0, 6};
                               },
                               [](const Udp&) {
                                 return Kind{0, 17};
                               },
                               [in_ipv4](const Icmp&) {
                                 return Kind{0, static_cast<std::uint8_t>(in_ipv4 ? 1 : 58)};
                               },
                               [](const Gre&) {
                                 return Kind{0x88be, 47};
                               },
                               [](const auto&) {
                                 return Kind{0x88b5, kNoNext};
                               }},
                    layer);
}

std::uint16_t checksum(std::span<const std::byte> header) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < header.size(); i += 2)
    sum += std::to_integer<std::uint32_t>(header[i]) << 8 | std::to_integer<std::uint32_t>(header[i + 1]);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

Bytes header(const Ethernet& l, Kind next, const Bytes&) {
  return Writer().u16(0x0200).u32(0x00000001).u16(0x0200).u32(0x00000002).u16(l.type.value_or(next.ethertype)).bytes();
}

Bytes header(const Vlan& l, Kind next, const Bytes&) {
  return Writer().u16(l.id).u16(l.type.value_or(next.ethertype)).bytes();
}

Bytes header(const Arp&, Kind, const Bytes&) {
  return Writer().u16(1).u16(0x0800).u8(6).u8(4).u16(1).zeros(20).bytes();
}

Bytes header(const Ipv4& l, Kind next, const Bytes& rest) {
  const std::size_t size = 20 + l.options;
  Writer w;
  w.u8(l.version.value_or(4) * 16U + l.header_words.value_or(static_cast<std::uint8_t>(size / 4)));
  w.u8(0).u16(l.total_length.value_or(static_cast<std::uint16_t>(size + rest.size()))).u16(0);
  w.u16((l.more_fragments ? 0x2000U : 0U) | l.fragment_offset);
  w.u8(l.ttl).u8(l.protocol.value_or(next.protocol)).u16(0);
  w.address(AF_INET, l.source).address(AF_INET, l.destination).zeros(l.options);
  const auto sum = checksum(w.bytes());
  w.bytes()[10] = static_cast<std::byte>(sum >> 8);
  w.bytes()[11] = static_cast<std::byte>(sum & 0xff);
  return w.bytes();
}

Bytes header(const Ipv6& l, Kind next, const Bytes& rest) {
  Writer w;
  w.u8(l.version.value_or(6) * 16U).zeros(3).u16(l.payload_length.value_or(static_cast<std::uint16_t>(rest.size())));
  w.u8(l.next.value_or(next.protocol)).u8(l.hop_limit);
  return w.address(AF_INET6, l.source).address(AF_INET6, l.destination).bytes();
}

Bytes header(const Extension& l, Kind next, const Bytes&) {
  return Writer().u8(l.next.value_or(next.protocol)).u8(l.units).zeros(6 + l.units * 8U).bytes();
}

Bytes header(const Fragment6& l, Kind next, const Bytes&) {
  return Writer().u8(l.next.value_or(next.protocol)).u8(0).u16(l.offset * 8U | (l.more ? 1U : 0U)).u32(1).bytes();
}

Bytes header(const Authentication& l, Kind next, const Bytes&) {
  return Writer().u8(l.next.value_or(next.protocol)).u8(l.words).zeros((l.words + 2U) * 4 - 2).bytes();
}

Bytes header(const Tcp& l, Kind, const Bytes&) {
  const unsigned flags = (l.fin ? 1U : 0U) | (l.syn ? 2U : 0U) | (l.rst ? 4U : 0U) | (l.ack ? 16U : 0U);
  Writer w;
  w.u16(l.source_port).u16(l.destination_port).u32(1).u32(l.ack ? 1 : 0).u8(l.header_words * 16U).u8(flags);
  w.u16(0xffff).u32(0);
  return w.zeros(l.header_words > 5 ? (l.header_words - 5U) * 4 : 0).bytes();
}

Bytes header(const Udp& l, Kind, const Bytes& rest) {
  const auto length = l.length.value_or(static_cast<std::uint16_t>(8 + rest.size()));
  return Writer().u16(l.source_port).u16(l.destination_port).u16(length).u16(0).bytes();
}

Bytes header(const Icmp& l, Kind, const Bytes&) {
  return Writer().u8(l.type).u8(l.code).u16(0).u16(l.identifier).u16(1).bytes();
}

Bytes header(const Gre&, Kind next, const Bytes&) { return Writer().u16(0).u16(next.ethertype).bytes(); }

Bytes header(const Payload& l, Kind, const Bytes&) { return Bytes(l.size, std::byte{'x'}); }

}  // namespace

Bytes Frame::bytes() const {
  Bytes rest;
  Kind next;
  for (std::size_t i = layers_.size(); i-- > 0;) {
    bool in_ipv4 = false;
    for (std::size_t j = 0; j < i; ++j) in_ipv4 = in_ipv4 || std::holds_alternative<Ipv4>(layers_[j]);
    Bytes whole = std::visit([&](const auto& layer) { return header(layer, next, rest); }, layers_[i]);
    whole.insert(whole.end(), rest.begin(), rest.end());
    rest = std::move(whole);
    next = kind_of(layers_[i], in_ipv4);
  }
  return rest;
}

Bytes Frame::cut(std::size_t size) const {
  Bytes all = bytes();
  all.resize(std::min(size, all.size()));
  return all;
}

}  // namespace tidegate::test
