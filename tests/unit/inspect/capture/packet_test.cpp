// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/capture/packet.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/harness/packet.hpp"
#include "tests/harness/tcp_script.hpp"

namespace tidegate::inspect {
namespace {

using test::Ethernet;
using test::Extension;
using test::Fragment6;
using test::Frame;
using test::Ipv4;
using test::Ipv6;
using test::Payload;
using test::Tcp;
using test::Udp;
using test::Vlan;

constexpr WallTime kTime{std::chrono::seconds(5)};

struct Decoded {
  PacketKind kind;
  Segment segment;
};

// `frame` must outlive what is returned.
Decoded decode(const std::vector<std::byte>& frame, LinkType link = LinkType::kEthernet, std::uint32_t wire = 0) {
  Decoded decoded{PacketKind::kOther, {}};
  const auto size = wire == 0 ? static_cast<std::uint32_t>(frame.size()) : wire;
  decoded.kind = decode_packet(link, frame, size, kTime, decoded.segment);
  return decoded;
}

PacketKind kind_of(const Frame& frame) { return decode(frame.bytes()).kind; }

Segment example(const char* source, const char* destination, const std::string& text) {
  Segment segment;
  segment.source = {*Address::parse(source), 40'000};
  segment.destination = {*Address::parse(destination), 443};
  segment.sequence = 0xfffffff0;
  segment.acknowledged = 77;
  segment.ack = true;
  segment.payload = std::as_bytes(std::span(text));
  return segment;
}

std::string text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

class EveryLink : public testing::TestWithParam<LinkType> {};

TEST_P(EveryLink, IsDecodedInBothFamilies) {
  const std::string text = "GET / HTTP/1.1\r\n";
  for (const auto& [source, destination] :
       {std::pair{"192.0.2.1", "198.51.100.1"}, std::pair{"2001:db8::1", "2001:db8:1::1"}}) {
    const Segment sent = example(source, destination, text);
    const auto frame = test::to_frame(sent, GetParam());
    const Decoded got = decode(frame, GetParam());
    ASSERT_EQ(got.kind, PacketKind::kTcp);
    EXPECT_EQ(got.segment.source, sent.source);
    EXPECT_EQ(got.segment.destination, sent.destination);
    EXPECT_EQ(got.segment.sequence, sent.sequence);
    EXPECT_EQ(got.segment.acknowledged, 77U);
    EXPECT_EQ(got.segment.time, kTime);
    EXPECT_TRUE(got.segment.ack && !got.segment.syn && !got.segment.fin && !got.segment.rst);
    EXPECT_EQ(text_of(got.segment.payload), text);
    EXPECT_EQ(got.segment.cut, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(PacketTest, EveryLink,
                         testing::Values(LinkType::kEthernet, LinkType::kRawIp, LinkType::kNull, LinkType::kLinuxCooked,
                                         LinkType::kLinuxCooked2));

TEST(PacketTest, NullIsReadInBothByteOrders) {
  auto frame = test::to_frame(example("192.0.2.1", "198.51.100.1", "x"), LinkType::kNull);
  std::swap(frame[0], frame[3]);
  EXPECT_EQ(decode(frame, LinkType::kNull).kind, PacketKind::kTcp);
}

TEST(PacketTest, FlagsAreTold) {
  const auto frame = (Ethernet() / Ipv4{} / Tcp{.syn = true, .ack = true, .fin = true, .rst = true}).bytes();
  const Segment segment = decode(frame).segment;
  EXPECT_TRUE(segment.syn && segment.ack && segment.fin && segment.rst);
}

TEST(PacketTest, UpToTwoVlanTagsAreSkipped) {
  EXPECT_EQ(kind_of(Ethernet() / Vlan{} / Ipv4{} / Tcp{}), PacketKind::kTcp);
  EXPECT_EQ(kind_of(Ethernet() / Vlan{.tag = 0x88a8} / Vlan{} / Ipv6{} / Tcp{}), PacketKind::kTcp);
  EXPECT_EQ(kind_of(Ethernet() / Vlan{} / Vlan{} / Vlan{} / Ipv4{} / Tcp{}), PacketKind::kOther);
}

TEST(PacketTest, OptionsAndExtensionHeadersAreSkipped) {
  const auto v4 = (Ethernet() / Ipv4{.options = 40} / Tcp{.header_words = 15} / Payload{7}).bytes();
  EXPECT_EQ(decode(v4).segment.payload.size(), 7U);
  const auto v6 = (Ethernet() / Ipv6{} / Extension{.type = 0} / Extension{.type = 43, .units = 2} /
                   test::Authentication{} / Fragment6{} / Extension{} / Tcp{} / Payload{9})
                      .bytes();
  ASSERT_EQ(decode(v6).kind, PacketKind::kTcp);
  EXPECT_EQ(decode(v6).segment.payload.size(), 9U);
  Frame many = Ethernet() / Ipv6{};
  for (int i = 0; i < 7; ++i) many = many / Extension{};
  EXPECT_EQ(kind_of(many / Tcp{}), PacketKind::kOther);
}

TEST(PacketTest, WhatIsNoSegmentIsOther) {
  EXPECT_EQ(kind_of(Ethernet() / test::Arp{}), PacketKind::kOther);
  EXPECT_EQ(kind_of(Ethernet() / Ipv4{} / Udp{}), PacketKind::kOther);
  EXPECT_EQ(kind_of(Ethernet() / Ipv6{} / Udp{}), PacketKind::kOther);
  EXPECT_EQ(kind_of(Ethernet() / Ipv4{.fragment_offset = 10} / Tcp{}), PacketKind::kFragment);
  EXPECT_EQ(kind_of(Ethernet() / Ipv4{.more_fragments = true} / Tcp{}), PacketKind::kFragment);
  EXPECT_EQ(kind_of(Ethernet() / Ipv6{} / Fragment6{.offset = 10} / Tcp{}), PacketKind::kFragment);
  EXPECT_EQ(kind_of(Ethernet() / Ipv6{} / Fragment6{.more = true} / Tcp{}), PacketKind::kFragment);
  EXPECT_EQ(kind_of(Ethernet() / Ipv6{.next = 59}), PacketKind::kOther);
}

TEST(PacketTest, LengthsThatCannotBeAreMalformed) {
  EXPECT_EQ(kind_of(Ethernet() / Ipv4{.total_length = 19} / Tcp{}), PacketKind::kMalformed);
  EXPECT_EQ(kind_of(Ethernet() / Ipv4{.total_length = 41} / Tcp{}), PacketKind::kMalformed) << "more than was sent";
  EXPECT_EQ(kind_of(Ethernet() / Ipv4{.total_length = 39} / Tcp{}), PacketKind::kMalformed) << "half a TCP header";
  EXPECT_EQ(kind_of(Ethernet() / Ipv4{.header_words = 4} / Tcp{}), PacketKind::kMalformed);
  EXPECT_EQ(kind_of(Ethernet() / Ipv4{.version = 6} / Tcp{}), PacketKind::kMalformed);
  EXPECT_EQ(kind_of(Ethernet() / Ipv4{} / Tcp{.header_words = 4}), PacketKind::kMalformed);
  EXPECT_EQ(decode((Ethernet() / Ipv4{} / Tcp{.header_words = 6}).cut(54)).kind, PacketKind::kMalformed);
  EXPECT_EQ(kind_of(Ethernet() / Ipv6{.payload_length = 19} / Tcp{}), PacketKind::kMalformed);
  EXPECT_EQ(kind_of(Ethernet() / Ipv6{.payload_length = 21} / Tcp{}), PacketKind::kMalformed);
}

TEST(PacketTest, PaddingOfShortFramesIsNoPayload) {
  auto frame = (Ethernet() / Ipv4{} / Tcp{} / Payload{2}).bytes();
  frame.resize(60, std::byte{'p'});
  EXPECT_EQ(text_of(decode(frame).segment.payload), "xx");
  EXPECT_EQ(decode(frame).segment.cut, 0U);
}

TEST(PacketTest, WhatTheCaptureCutIsTold) {
  const Frame whole = Ethernet() / Ipv4{} / Tcp{} / Payload{1000};
  const auto cut = whole.cut(14 + 20 + 20 + 300);
  const Segment segment = decode(cut, LinkType::kEthernet, 1054).segment;
  EXPECT_EQ(segment.payload.size(), 300U);
  EXPECT_EQ(segment.cut, 700U);
  const auto bare = (Ethernet() / Ipv4{} / Tcp{.header_words = 8} / Payload{100}).cut(14 + 20 + 20);
  const Decoded options_cut = decode(bare, LinkType::kEthernet, 14 + 20 + 32 + 100);
  ASSERT_EQ(options_cut.kind, PacketKind::kTcp);
  EXPECT_EQ(options_cut.segment.payload.size(), 0U);
  EXPECT_EQ(options_cut.segment.cut, 100U);
  EXPECT_EQ(decode(whole.cut(53), LinkType::kEthernet, 1054).kind, PacketKind::kOther) << "half the header captured";
}

TEST(PacketTest, OffloadedSegmentsEndWithTheFrame) {
  const auto v4 = (Ethernet() / Ipv4{.total_length = 0} / Tcp{} / Payload{180'000}).bytes();
  EXPECT_EQ(decode(v4).segment.payload.size(), 180'000U);
  const auto v6 = (Ethernet() / Ipv6{.payload_length = 0} / Extension{.type = 0} / Tcp{} / Payload{180'000}).bytes();
  EXPECT_EQ(decode(v6).segment.payload.size(), 180'000U);
  EXPECT_EQ(decode(v6, LinkType::kEthernet, 200'000).segment.cut, 200'000 - v6.size());
}

TEST(PacketTest, NoSegmentIsAsLargeAsAFileMayClaim) {
  const auto v4 = (Ethernet() / Ipv4{.total_length = 0} / Tcp{}).bytes();
  EXPECT_EQ(decode(v4, LinkType::kEthernet, 4'000'000'000).kind, PacketKind::kMalformed);
  EXPECT_EQ(decode(v4, LinkType::kEthernet, 500'000).kind, PacketKind::kTcp);
}

// Whatever is cut off, nothing is read that is not there (the sanitizers watch) and nothing is malformed that was only
// cut by the capture.
TEST(PacketTest, EveryCutIsSafe) {
  const Frame frames[] = {
      Ethernet() / Vlan{} / Ipv4{.options = 8} / Tcp{.header_words = 8} / Payload{20},
      Ethernet() / Vlan{} / Ipv6{} / Extension{} / test::Authentication{} / Fragment6{} / Tcp{} / Payload{20}};
  for (const Frame& frame : frames) {
    const auto whole = static_cast<std::uint32_t>(frame.bytes().size());
    for (std::size_t size = 0; size <= whole; ++size) {
      const auto part = frame.cut(size);
      EXPECT_NE(decode(part, LinkType::kEthernet, whole).kind, PacketKind::kMalformed) << size;
      EXPECT_EQ(decode(part).kind == PacketKind::kTcp, size == whole) << size;
    }
  }
}

TEST(PacketTest, TheUrgentPointerCountsWithItsFlagOnly) {
  constexpr std::size_t kTcpAt = 14 + 20;
  std::vector<std::byte> frame = test::to_frame(example("192.0.2.1", "198.51.100.1", "abc"));
  frame[kTcpAt + 19] = std::byte{2};
  EXPECT_EQ(decode(frame).segment.urgent, 0);
  frame[kTcpAt + 13] |= std::byte{0x20};
  EXPECT_EQ(decode(frame).segment.urgent, 2);
  frame[kTcpAt + 19] = std::byte{0};
  EXPECT_EQ(decode(frame).segment.urgent, 1) << "as Linux takes it";
}

TEST(PacketTest, TheWindowScaleIsReadOfASyn) {
  constexpr std::size_t kTcpAt = 14 + 20;
  const auto scale = [](std::initializer_list<int> options, bool syn = true) {
    std::string text;
    for (const int byte : options) text += static_cast<char>(byte);
    Segment segment = example("192.0.2.1", "198.51.100.1", text);
    segment.syn = syn;
    std::vector<std::byte> frame = test::to_frame(segment);
    frame[kTcpAt + 12] = static_cast<std::byte>((5 + text.size() / 4) << 4);
    return decode(frame).segment.scale;
  };
  EXPECT_EQ(scale({2, 4, 5, 180, 1, 3, 3, 7}), 7);
  EXPECT_EQ(scale({1, 3, 3, 200}), 14);
  EXPECT_EQ(scale({2, 4, 5, 180, 1, 3, 3, 7}, false), std::nullopt);
  EXPECT_EQ(scale({0, 3, 3, 7}), std::nullopt) << "behind the end of the options";
  EXPECT_EQ(scale({2, 0, 3, 3, 7, 0, 0, 0}), std::nullopt) << "an option without length";
  EXPECT_EQ(scale({1, 1, 3, 3}), std::nullopt) << "cut";
  EXPECT_EQ(scale({}), std::nullopt);
}

}  // namespace
}  // namespace tidegate::inspect
