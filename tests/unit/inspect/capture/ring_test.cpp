// SPDX-License-Identifier: Apache-2.0
// The ring without a kernel: blocks written by hand, sound and not.
#include "agent/inspect/capture/ring.hpp"

#include <gtest/gtest.h>
#include <linux/if_arp.h>
#include <linux/if_packet.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace tidegate::inspect {
namespace {

constexpr RingGeometry kGeometry{.block_size = 131'072, .blocks = 4};
constexpr std::uint32_t kFirst = 48;
constexpr std::uint32_t kMac = TPACKET_ALIGN(sizeof(tpacket3_hdr)) + TPACKET_ALIGN(sizeof(sockaddr_ll));

std::string text_in(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

class RingTest : public testing::Test {
 protected:
  // As the kernel fills a block and hands it over.
  void fill(std::uint32_t block, const std::vector<std::string>& frames, std::uint16_t device = ARPHRD_ETHER) {
    std::uint32_t at = kFirst;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      tpacket3_hdr header{};
      header.tp_sec = 1'900'000'000;
      header.tp_nsec = 5;
      header.tp_snaplen = static_cast<std::uint32_t>(frames[i].size());
      header.tp_len = header.tp_snaplen + 100;
      header.tp_mac = kMac;
      const std::uint32_t size = TPACKET_ALIGN(kMac + header.tp_snaplen);
      header.tp_next_offset = i + 1 < frames.size() ? size : 0;
      sockaddr_ll address{};
      address.sll_hatype = device;
      put(block, at, header);
      put(block, at + TPACKET_ALIGN(sizeof(tpacket3_hdr)), address);
      std::memcpy(at_block(block) + at + kMac, frames[i].data(), frames[i].size());
      at += size;
    }
    describe(block, static_cast<std::uint32_t>(frames.size()), kFirst, at);
  }
  void describe(std::uint32_t block, std::uint32_t frames, std::uint32_t first, std::uint32_t length) {
    tpacket_block_desc description{};
    description.version = 1;
    description.hdr.bh1.block_status = TP_STATUS_USER;
    description.hdr.bh1.num_pkts = frames;
    description.hdr.bh1.offset_to_first_pkt = first;
    description.hdr.bh1.blk_len = length;
    put(block, 0, description);
  }
  template <class T>
  void put(std::uint32_t block, std::uint32_t at, const T& value) {
    std::memcpy(at_block(block) + at, &value, sizeof value);
  }
  tpacket3_hdr header(std::uint32_t block, std::uint32_t at = kFirst) {
    tpacket3_hdr value{};
    std::memcpy(&value, at_block(block) + at, sizeof value);
    return value;
  }
  std::byte* at_block(std::uint32_t block) { return memory_.data() + std::size_t{block} * kGeometry.block_size; }
  bool given_back(std::uint32_t block) {
    tpacket_block_desc description{};
    std::memcpy(&description, at_block(block), sizeof description);
    return description.hdr.bh1.block_status == TP_STATUS_KERNEL;
  }
  std::vector<std::string> drain() {
    std::vector<std::string> all;
    CapturedFrame frame;
    while (ring_.next(frame)) all.push_back(text_in(frame.bytes));
    return all;
  }

  std::vector<std::byte> memory_ = std::vector<std::byte>(kGeometry.bytes());
  Ring ring_{memory_, kGeometry};
};

TEST_F(RingTest, FramesComeInOrderAndBlocksGoBack) {
  CapturedFrame frame;
  EXPECT_FALSE(ring_.next(frame));
  fill(0, {"one", "two"});
  fill(1, {"three"});
  EXPECT_DOUBLE_EQ(ring_.fill(), 0.5);
  ASSERT_TRUE(ring_.next(frame));
  EXPECT_EQ(text_in(frame.bytes), "one");
  EXPECT_EQ(frame.wire_size, 103U);
  EXPECT_EQ(frame.time, WallTime(std::chrono::seconds(1'900'000'000) + std::chrono::nanoseconds(5)));
  ASSERT_TRUE(ring_.next(frame));
  EXPECT_FALSE(given_back(0)) << "its last frame is being read";
  ASSERT_TRUE(ring_.next(frame));
  EXPECT_TRUE(given_back(0));
  EXPECT_EQ(text_in(frame.bytes), "three");
  EXPECT_FALSE(ring_.next(frame));
  EXPECT_TRUE(given_back(1));
  EXPECT_DOUBLE_EQ(ring_.fill(), 0);
}

TEST_F(RingTest, GoesRound) {
  for (std::uint32_t i = 0; i < 10; ++i) {
    fill(i % 4, {std::to_string(i)});
    EXPECT_EQ(drain(), std::vector{std::to_string(i)});
  }
  EXPECT_EQ(ring_.damaged(), 0U);
}

TEST_F(RingTest, DevicesWithoutLinkHeaderGiveRawIp) {
  fill(0, {"x"}, ARPHRD_NONE);
  CapturedFrame frame;
  ASSERT_TRUE(ring_.next(frame));
  EXPECT_EQ(frame.link, LinkType::kRawIp);
}

TEST_F(RingTest, TheKernelTellsWhichChecksumsNeedNoLook) {
  for (const auto& [status, origin] :
       {std::pair{0U, ChecksumOrigin::kFilledIn}, std::pair{TP_STATUS_CSUMNOTREADY + 0U, ChecksumOrigin::kSettled},
        std::pair{TP_STATUS_CSUM_VALID + 0U, ChecksumOrigin::kSettled},
        std::pair{TP_STATUS_LOSING + 0U, ChecksumOrigin::kFilledIn}}) {
    Ring ring(memory_, kGeometry);
    fill(0, {"x"});
    tpacket3_hdr changed = header(0);
    changed.tp_status = TP_STATUS_USER | status;
    put(0, kFirst, changed);
    CapturedFrame frame;
    ASSERT_TRUE(ring.next(frame));
    EXPECT_EQ(frame.checksum, origin) << status;
  }
}

TEST_F(RingTest, AnEmptyBlockIsSkipped) {
  describe(0, 0, kFirst, kFirst);
  fill(1, {"x"});
  EXPECT_EQ(drain(), std::vector<std::string>{"x"});
}

TEST_F(RingTest, BlocksThatCannotBeAreGivenBackAndCounted) {
  describe(0, 1, kFirst, kGeometry.block_size + 1);
  describe(1, 1, 8, 4096);
  describe(2, 1, 4096, 4096);
  fill(3, {"sound"});
  EXPECT_EQ(drain(), std::vector<std::string>{"sound"});
  EXPECT_EQ(ring_.damaged(), 3U);
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_TRUE(given_back(i));
}

TEST_F(RingTest, FramesThatCannotBeEndTheirBlock) {
  const auto damage = [&](auto change) {
    fill(0, {"first", "second"});
    auto changed = header(0);
    change(changed);
    put(0, kFirst, changed);
    Ring ring(memory_, kGeometry);
    CapturedFrame frame;
    std::size_t frames = 0;
    while (ring.next(frame)) ++frames;
    EXPECT_EQ(ring.damaged(), 1U);
    return frames;
  };
  EXPECT_EQ(damage([](auto& h) { h.tp_mac = 20; }), 0U);
  EXPECT_EQ(damage([](auto& h) { h.tp_mac = 65'535; }), 0U);
  EXPECT_EQ(damage([](auto& h) { h.tp_snaplen = 4'000'000'000; }), 0U);
  EXPECT_EQ(damage([](auto& h) { h.tp_next_offset = 0; }), 1U);
  EXPECT_EQ(damage([](auto& h) { h.tp_next_offset = 4'000'000'000; }), 1U);
}

TEST_F(RingTest, RandomBlocksAreSafe) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    fill(0, {"a", "bb", "ccc"});
    for (int i = 0; i < 4; ++i) {
      memory_[random() % 256 + 8] = static_cast<std::byte>(random());
    }
    at_block(0)[8] = std::byte{TP_STATUS_USER};
    Ring ring(memory_, kGeometry);
    CapturedFrame frame;
    while (ring.next(frame)) {
      ASSERT_GE(frame.bytes.data(), memory_.data());
      ASSERT_LE(frame.bytes.data() + frame.bytes.size(), at_block(1));
    }
  }
}

TEST(RingGeometryTest, IsChecked) {
  EXPECT_TRUE(check(RingGeometry{}));
  EXPECT_FALSE(check({.block_size = 1 << 12}));
  EXPECT_FALSE(check({.block_size = (1 << 20) + 4096}));
  EXPECT_FALSE(check({.block_size = 1 << 30}));
  EXPECT_FALSE(check({.blocks = 1}));
  EXPECT_FALSE(check({.blocks = 100'000}));
  EXPECT_FALSE(set_up_ring(-1, {}, std::chrono::milliseconds(0)));
  EXPECT_FALSE(set_up_ring(-1, {}, std::chrono::milliseconds(2)));
}

}  // namespace
}  // namespace tidegate::inspect
