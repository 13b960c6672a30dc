// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/capture/checksum.hpp"

#include <gtest/gtest.h>

#include <string>

#include "agent/inspect/capture/packet.hpp"
#include "tests/harness/tcp_script.hpp"

namespace tidegate::inspect {
namespace {

constexpr ChecksumOrigin kOrigins[] = {ChecksumOrigin::kUntold, ChecksumOrigin::kSettled, ChecksumOrigin::kFilledIn};

std::vector<std::byte> frame_of(bool v6, std::size_t size) {
  const std::string text(size, 'x');
  Segment segment;
  segment.source = {*Address::parse(v6 ? "2001:db8::1" : "192.0.2.1"), 40'000};
  segment.destination = {*Address::parse(v6 ? "2001:db8:ffff::2" : "198.51.100.255"), 443};
  segment.sequence = 0xfffffff0;
  segment.ack = true;
  segment.payload = std::as_bytes(std::span(text));
  return test::to_frame(segment, LinkType::kRawIp);
}

Checksum judge(const std::vector<std::byte>& frame, ChecksumOrigin origin, std::uint32_t wire = 0) {
  Segment segment;
  const auto size = wire == 0 ? static_cast<std::uint32_t>(frame.size()) : wire;
  EXPECT_EQ(decode_packet(LinkType::kRawIp, frame, size, {}, segment, origin), PacketKind::kTcp);
  return segment.checksum;
}

std::size_t field_of(bool v6) { return (v6 ? 40 : 20) + 16; }

class ChecksumTest : public testing::TestWithParam<bool> {};

TEST_P(ChecksumTest, RightOnesAreOfAnySize) {
  for (const std::size_t size : {0, 1, 2, 3, 4, 5, 6, 7, 8, 100, 1401, 1440}) {
    EXPECT_EQ(judge(frame_of(GetParam(), size), ChecksumOrigin::kUntold), Checksum::kRight) << size;
    EXPECT_EQ(judge(frame_of(GetParam(), size), ChecksumOrigin::kFilledIn), Checksum::kRight) << size;
    EXPECT_EQ(judge(frame_of(GetParam(), size), ChecksumOrigin::kSettled), Checksum::kUnknown) << "nobody asks";
  }
}

TEST_P(ChecksumTest, EveryBitOfASegmentCounts) {
  const auto good = frame_of(GetParam(), 33);
  const std::size_t header = field_of(GetParam()) - 16;
  for (std::size_t at = header; at < good.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      if (at == header + 12 && bit >= 4) continue;  // the size of the header: another segment
      auto bad = good;
      bad[at] ^= static_cast<std::byte>(1U << bit);
      EXPECT_EQ(judge(bad, ChecksumOrigin::kFilledIn), Checksum::kWrong) << at << " " << bit;
      EXPECT_EQ(judge(bad, ChecksumOrigin::kUntold), Checksum::kDoubtful) << at << " " << bit;
      EXPECT_EQ(judge(bad, ChecksumOrigin::kSettled), Checksum::kUnknown);
    }
  }
}

// What Linux leaves for the device: the sum of the pseudo header, not complemented.
TEST_P(ChecksumTest, HalfASumIsNoWrongOne) {
  auto frame = frame_of(GetParam(), 0);
  const std::size_t at = field_of(GetParam());
  const std::size_t begin = at - 16;
  // Everything but the pseudo header taken off the whole.
  std::uint32_t sum = 0xffff;
  for (std::size_t i = begin; i < frame.size(); i += 2) {
    const std::uint32_t word =
        std::to_integer<std::uint32_t>(frame[i]) << 8 | std::to_integer<std::uint32_t>(frame[i + 1]);
    sum += 0xffff - word;
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  frame[at] = static_cast<std::byte>(sum >> 8);
  frame[at + 1] = static_cast<std::byte>(sum);
  EXPECT_EQ(judge(frame, ChecksumOrigin::kUntold), Checksum::kUnknown);
  EXPECT_EQ(judge(frame, ChecksumOrigin::kFilledIn), Checksum::kWrong) << "the kernel would have said so";
}

TEST_P(ChecksumTest, WhatIsNotThereAsItWasSentIsNotJudged) {
  const auto whole = frame_of(GetParam(), 1000);
  const std::vector<std::byte> cut(whole.begin(), whole.end() - 1);
  for (const auto origin : kOrigins) {
    EXPECT_EQ(judge(cut, origin, static_cast<std::uint32_t>(whole.size())), Checksum::kUnknown);
  }
  auto large = frame_of(GetParam(), 3000);
  EXPECT_EQ(judge(large, ChecksumOrigin::kUntold), Checksum::kUnknown) << "a card may have put it together";
  large.back() ^= std::byte{1};
  EXPECT_EQ(judge(large, ChecksumOrigin::kUntold), Checksum::kUnknown);
  EXPECT_EQ(judge(large, ChecksumOrigin::kFilledIn), Checksum::kWrong);
}

INSTANTIATE_TEST_SUITE_P(Families, ChecksumTest, testing::Bool());

}  // namespace
}  // namespace tidegate::inspect
