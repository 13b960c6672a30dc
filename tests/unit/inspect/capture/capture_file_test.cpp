// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/capture/capture_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <thread>

#include "tests/harness/tcp_script.hpp"
#include "tests/unit/inspect/capture/file_support.hpp"

namespace tidegate::inspect {
namespace {

std::vector<test::TimedFrame> frames_of(LinkType link) {
  return test::to_frames(test::TcpScript().handshake().client("ping").server("pong").close().segments(), link);
}

void expect_reads(Result<CaptureFile> file, LinkType link) {
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->link(), link);
  CapturedFrame frame;
  for (const test::TimedFrame& expected : frames_of(link)) {
    const auto more = file->next(frame);
    ASSERT_TRUE(more && *more);
    EXPECT_EQ(frame.link, link);
    EXPECT_EQ(frame.time, expected.time);
    EXPECT_EQ(frame.wire_size, expected.wire_size);
    EXPECT_TRUE(std::ranges::equal(frame.bytes, expected.bytes));
  }
  EXPECT_FALSE(file->next(frame).value());
  EXPECT_EQ(file->packets(), frames_of(link).size());
}

class EveryLinkType : public testing::TestWithParam<LinkType> {};

TEST_P(EveryLinkType, IsReadFromBothFormats) {
  const auto frames = frames_of(GetParam());
  expect_reads(CaptureFile::open(file_of(test::to_pcap(frames, GetParam()))), GetParam());
  expect_reads(CaptureFile::open(file_of(test::to_pcapng(frames, "CLIENT_RANDOM 00 00\n", GetParam()))), GetParam());
}

INSTANTIATE_TEST_SUITE_P(CaptureFileTest, EveryLinkType,
                         testing::Values(LinkType::kEthernet, LinkType::kRawIp, LinkType::kNull, LinkType::kLinuxCooked,
                                         LinkType::kLinuxCooked2));

// Times are whatever the file says; those that would make arithmetic overflow are brought into bounds.
TEST(CaptureFileTest, TimesBeyondReasonAreBounded) {
  const WallTime latest{std::chrono::seconds(9'000'000'001)};
  for (const std::int64_t time :
       {std::numeric_limits<std::int64_t>::max(), std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
    auto frames = frames_of(LinkType::kEthernet);
    frames.front().time = WallTime(std::chrono::nanoseconds(time));
    auto file = CaptureFile::open(file_of(test::to_pcapng(frames)));
    CapturedFrame frame;
    ASSERT_TRUE(file && file->next(frame).value());
    EXPECT_GE(frame.time, WallTime{});
    EXPECT_LE(frame.time, latest);
  }
}

TEST(CaptureFileTest, ReadsFromAPipe) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  UniqueFd out(ends[0]), in(ends[1]);
  const auto bytes = test::to_pcap(frames_of(LinkType::kEthernet));
  ASSERT_EQ(write(in.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  in.reset();
  expect_reads(CaptureFile::open(std::move(out)), LinkType::kEthernet);
}

TEST(CaptureFileTest, OtherLinkTypesAreRefusedByName) {
  auto bytes = test::to_pcap(frames_of(LinkType::kEthernet));
  bytes[20] = std::byte{127};  // radiotap
  const auto file = CaptureFile::open(file_of(bytes));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(file.error().message.find("IEEE802_11_RADIO"), std::string::npos) << file.error().message;
}

TEST(CaptureFileTest, LinkTypesHaveSeveralNumbers) {
  for (const auto& [number, link] :
       {std::pair{108, LinkType::kNull}, {12, LinkType::kRawIp}, {101, LinkType::kRawIp}}) {
    auto bytes = test::to_pcap(frames_of(link), link);
    bytes[20] = static_cast<std::byte>(number);
    expect_reads(CaptureFile::open(file_of(bytes)), link);
  }
}

TEST(CaptureFileTest, WhatIsNoCaptureIsRefused) {
  const std::string text = "this is not a capture, not at all";
  EXPECT_EQ(CaptureFile::open(file_of(std::as_bytes(std::span(text)))).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(CaptureFile::open(file_of({})).error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(CaptureFile::open(UniqueFd()));
}

TEST(CaptureFileTest, ACutFileGivesWhatItHasAndThenTheError) {
  for (const auto& whole :
       {test::to_pcap(frames_of(LinkType::kEthernet)), test::to_pcapng(frames_of(LinkType::kEthernet))}) {
    auto bytes = whole;
    bytes.resize(bytes.size() - 30);
    auto file = CaptureFile::open(file_of(bytes));
    ASSERT_TRUE(file);
    CapturedFrame frame;
    Result<bool> more = true;
    while (more && *more) more = file->next(frame);
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().code, ErrorCode::kDataLoss);
    EXPECT_EQ(file->packets(), frames_of(LinkType::kEthernet).size() - 1);
    EXPECT_NE(more.error().message.find("after packet 9"), std::string::npos) << more.error().message;
    EXPECT_EQ(more.error().message.find('\n'), std::string::npos);
  }
}

TEST(CaptureFileTest, PacketsCutByTheCaptureKeepTheirWireSize) {
  auto frames = frames_of(LinkType::kEthernet);
  frames[3].bytes.resize(54);
  auto file = CaptureFile::open(file_of(test::to_pcapng(frames)));
  CapturedFrame frame;
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(file->next(frame).value());
  EXPECT_EQ(frame.bytes.size(), 54U);
  EXPECT_EQ(frame.wire_size, 58U);
}

}  // namespace
}  // namespace tidegate::inspect
