// SPDX-License-Identifier: Apache-2.0
// The parser on the host: what it reads, and that it never reads beyond the end (each frame in memory of exactly its
// size, so that AddressSanitizer sees the first byte too many).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>

#include "tests/bpf_unit/stage.hpp"
#include "tests/harness/packet.hpp"

namespace {

using namespace tidegate::test;  // NOLINT(google-build-using-namespace): builders read well without a prefix

struct Parsed {
  unsigned reason;
  tg_packet packet;
};

Parsed parse(const Bytes& frame) {
  const auto exact = std::make_unique<unsigned char[]>(frame.size());
  std::memcpy(exact.get(), frame.data(), frame.size());
  Parsed out{};
  out.reason = tg_parse(exact.get(), exact.get() + frame.size(), &out.packet);
  return out;
}
Parsed parse(const Frame& frame) { return parse(frame.bytes()); }

TEST(Parse, ReadsTcpOverIpv4) {
  const auto [reason, p] = parse(Ethernet() / Ipv4{.source = "192.0.2.1", .destination = "198.51.100.2", .ttl = 61} /
                                 Tcp{.source_port = 1234, .destination_port = 443, .syn = true} / Payload{10});
  EXPECT_EQ(reason, static_cast<unsigned>(TG_REASON_PASSED));
  EXPECT_EQ(p.source.hi, 0U);
  EXPECT_EQ(p.source.lo, TG_V4_MAPPED | 0xc0000201);
  EXPECT_EQ(p.destination.lo, TG_V4_MAPPED | 0xc6336402);
  EXPECT_EQ(p.source_port, 1234);
  EXPECT_EQ(p.destination_port, 443);
  EXPECT_EQ(p.protocol, 6);
  EXPECT_EQ(p.hop_limit, 61);
  EXPECT_EQ(p.length, 50U);
  EXPECT_EQ(p.offset, 14);
  EXPECT_EQ(p.flags, static_cast<unsigned>(TG_PACKET_V4 | TG_PACKET_HAS_PORT | TG_PACKET_SYN));
  EXPECT_EQ(p.malformed, 0);
}

TEST(Parse, ReadsUdpOverIpv6BehindExtensions) {
  const auto [reason, p] = parse(Ethernet() / Vlan{.tag = 0x88a8} / Vlan{} / Ipv6{.source = "2001:db8::5"} /
                                 Extension{.type = 0, .units = 3} / Authentication{} / Fragment6{} /
                                 Extension{.type = 60} / Udp{.source_port = 5, .destination_port = 53});
  EXPECT_EQ(reason, static_cast<unsigned>(TG_REASON_PASSED));
  EXPECT_EQ(p.source.hi, 0x20010db800000000U);
  EXPECT_EQ(p.source.lo, 5U);
  EXPECT_EQ(p.protocol, 17);
  EXPECT_EQ(p.destination_port, 53);
  EXPECT_EQ(p.offset, 22);
  EXPECT_EQ(p.flags, static_cast<unsigned>(TG_PACKET_HAS_PORT | TG_PACKET_EXTENDED)) << "an atomic fragment is none";
}

TEST(Parse, OnlySynWithoutAckOpens) {
  const auto syn = [](Tcp tcp) { return (parse(Ethernet() / Ipv4{} / tcp).packet.flags & TG_PACKET_SYN) != 0; };
  EXPECT_TRUE(syn({.syn = true}));
  EXPECT_TRUE(syn({.syn = true, .fin = true}));
  EXPECT_FALSE(syn({.syn = true, .ack = true}));
  EXPECT_FALSE(syn({.ack = true}));
  EXPECT_FALSE(syn({.rst = true}));
}

TEST(Parse, FragmentsHaveNoPorts) {
  const auto four = parse(Ethernet() / Ipv4{.fragment_offset = 1, .protocol = 17} / Udp{}).packet;
  EXPECT_EQ(four.flags, static_cast<unsigned>(TG_PACKET_V4 | TG_PACKET_FRAGMENT | TG_PACKET_NON_FIRST));
  EXPECT_EQ(four.destination_port, 0);
  const auto six = parse(Ethernet() / Ipv6{} / Fragment6{.offset = 1, .next = 17} / Udp{}).packet;
  EXPECT_EQ(six.flags, static_cast<unsigned>(TG_PACKET_FRAGMENT | TG_PACKET_NON_FIRST | TG_PACKET_EXTENDED));
  EXPECT_EQ(six.protocol, 17);
  const auto first = parse(Ethernet() / Ipv6{} / Fragment6{.more = true} / Udp{.destination_port = 9}).packet;
  EXPECT_EQ(first.flags, static_cast<unsigned>(TG_PACKET_FRAGMENT | TG_PACKET_EXTENDED | TG_PACKET_HAS_PORT));
  EXPECT_EQ(first.destination_port, 9);
}

TEST(Parse, TheProtocolBehindAFragmentHeaderIsTaken) {
  EXPECT_EQ(parse(Ethernet() / Ipv6{} / Fragment6{.offset = 7, .next = 60} / Payload{16}).packet.protocol, 60);
  EXPECT_EQ(parse(Ethernet() / Ipv6{} / Fragment6{.offset = 7, .next = 60} / Payload{16}).packet.malformed, 0);
}

TEST(Parse, LengthIsThatOfTheHeaderNotOfTheFrame) {
  Bytes padded = (Ethernet() / Ipv4{} / Udp{}).bytes();
  padded.resize(60);
  EXPECT_EQ(parse(padded).packet.length, 28U);
}

TEST(Parse, MarksWhatLiesBeyondTheLinearPart) {
  const auto [reason, p] = parse(Ethernet() / Ipv4{.total_length = 9000} / Tcp{});
  EXPECT_EQ(reason, static_cast<unsigned>(TG_REASON_PASSED));
  EXPECT_TRUE(p.flags & TG_PACKET_BEYOND);
}

TEST(Parse, ReadsTheIdentifierOfAnEcho) {
  EXPECT_EQ(parse(Ethernet() / Ipv4{} / Icmp{.type = 8, .identifier = 777}).packet.echo, 777);
  EXPECT_EQ(parse(Ethernet() / Ipv6{} / Icmp{.type = 128, .identifier = 778}).packet.echo, 778);
}

std::vector<Frame> samples() {
  return {Ethernet() / Ipv4{.options = 40} / Tcp{.header_words = 15} / Payload{9},
          Ethernet() / Vlan{} / Vlan{} / Ipv4{} / Udp{} / Payload{9},
          Ethernet() / Ipv4{} / Icmp{},
          Ethernet() / Ipv6{} / Extension{.type = 0, .units = 2} / Extension{} / Authentication{} / Fragment6{} /
              Extension{} / Extension{.type = 43} / Tcp{},
          Ethernet() / Vlan{.tag = 0x88a8} / Ipv6{} / Icmp{.type = 135} / Payload{16},
          Ethernet() / Arp{}};
}

TEST(Parse, EveryTruncationIsReadWithinItsBounds) {
  for (const Frame& frame : samples()) {
    const std::size_t size = frame.bytes().size();
    for (std::size_t length = 0; length <= size; ++length) parse(frame.cut(length));
  }
}

TEST(Parse, RandomDamageIsReadWithinItsBounds) {
  std::mt19937 random(4);
  for (int round = 0; round < 30000; ++round) {
    const auto all = samples();
    Bytes frame = all[random() % all.size()].bytes();
    for (unsigned i = 0; i < 1 + random() % 4; ++i) frame[random() % frame.size()] = static_cast<std::byte>(random());
    frame.resize(random() % (frame.size() + 1));
    const auto [reason, p] = parse(frame);
    ASSERT_LT(reason, static_cast<unsigned>(TG_REASON_COUNT));
    ASSERT_TRUE(p.malformed == 0 || tg_reason_drops(p.malformed));
  }
}

TEST(Parse, RandomChainsOfExtensionsEnd) {
  std::mt19937 random(5);
  for (int round = 0; round < 30000; ++round) {
    Bytes frame = (Ethernet() / Ipv6{} / Payload{400}).bytes();
    static constexpr unsigned char kTypes[] = {0, 43, 44, 51, 60, 135, 139, 140, 6, 17, 58, 59};
    frame[20] = static_cast<std::byte>(kTypes[random() % 8]);
    for (std::size_t i = 54; i < frame.size(); i += 8) {
      frame[i] = static_cast<std::byte>(kTypes[random() % 12]);
      frame[i + 1] = static_cast<std::byte>(random() % 8 == 0 ? random() : random() % 4);
    }
    parse(frame);
  }
}

}  // namespace
