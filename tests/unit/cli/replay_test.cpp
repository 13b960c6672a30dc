// SPDX-License-Identifier: Apache-2.0
// Captures to frames, frames to counts. The program itself is run by tests/bpf_run and tests/integration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "bpf/abi/reasons.h"
#include "cli/command/replay_view.hpp"
#include "cli/replay/capture.hpp"
#include "cli/replay/frame.hpp"
#include "cli/replay/tally.hpp"
#include "tests/unit/cli/fake_agent.hpp"
#include "tests/unit/cli/runner.hpp"

namespace tidegate::cli::test {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<std::byte>;

Bytes bytes(std::initializer_list<int> values) {
  Bytes result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// An IPv4 header from 203.0.113.7 to 192.0.2.1 without payload.
const Bytes kIp = bytes({0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 203, 0, 113, 7, 192, 0, 2, 1});
const Bytes kEthernet = Bytes(12) + bytes({0x08, 0x00});

std::string source_text(const Bytes& frame) {
  const auto address = source_of(frame);
  return address ? address->to_string() : "none";
}

TEST(ReplayFrame, EthernetStaysAndIsMadeUpToItsLength) {
  const auto frame = to_frame(LinkType::kEthernet, kEthernet + kIp, 100);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->size(), 100U) << "what the snap length cut off is zeros";
  EXPECT_EQ(source_text(*frame), "203.0.113.7");
}

TEST(ReplayFrame, OtherLinkTypesGetAnEthernetHeader) {
  const Bytes expected = kEthernet + kIp;
  EXPECT_EQ(to_frame(LinkType::kRawIp, kIp, kIp.size()), expected);
  EXPECT_EQ(to_frame(LinkType::kNull, bytes({2, 0, 0, 0}) + kIp, kIp.size() + 4), expected);
  EXPECT_EQ(to_frame(LinkType::kNull, bytes({0, 0, 0, 2}) + kIp, kIp.size() + 4), expected)
      << "of the other byte order";
  const Bytes cooked = bytes({0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x08, 0x00});
  EXPECT_EQ(to_frame(LinkType::kLinuxCooked, cooked + kIp, cooked.size() + kIp.size()), expected);
  const Bytes cooked2 = bytes({0x08, 0x00, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0});
  EXPECT_EQ(to_frame(LinkType::kLinuxCooked2, cooked2 + kIp, cooked2.size() + kIp.size()), expected);
}

TEST(ReplayFrame, WhatTheHostItselfSentIsLeftOut) {
  const Bytes outgoing = bytes({0, 4, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 0x08, 0x00});
  EXPECT_FALSE(to_frame(LinkType::kLinuxCooked, outgoing + kIp, 36));
  const Bytes outgoing2 = bytes({0x08, 0x00, 0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 1, 2, 3, 4, 5, 6, 0, 0});
  EXPECT_FALSE(to_frame(LinkType::kLinuxCooked2, outgoing2 + kIp, 40));
}

TEST(ReplayFrame, ShortAndStrangeHeadersAreLeftOut) {
  EXPECT_FALSE(to_frame(LinkType::kRawIp, {}, 0));
  EXPECT_FALSE(to_frame(LinkType::kRawIp, bytes({0x70}), 1));
  EXPECT_FALSE(to_frame(LinkType::kNull, bytes({2, 0, 0, 0}), 4));
  EXPECT_FALSE(to_frame(LinkType::kLinuxCooked, Bytes(15), 15));
  EXPECT_FALSE(to_frame(LinkType::kLinuxCooked2, Bytes(19), 19));
  EXPECT_FALSE(link_type_of(147));
}

TEST(ReplayFrame, SourceIsFoundBehindTwoTags) {
  const Bytes tagged = Bytes(12) + bytes({0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x08, 0x00}) + kIp;
  EXPECT_EQ(source_text(tagged), "203.0.113.7");
  EXPECT_EQ(source_text(Bytes(12) + bytes({0x08, 0x06}) + Bytes(28)), "none");
  EXPECT_EQ(source_text(kEthernet + bytes({0x45})), "none");
  EXPECT_EQ(source_text({}), "none");
}

Prefix host(std::uint32_t number) { return Prefix::host(Address::from_v4(number)); }

TEST(ReplayTally, CountsByReason) {
  Tally tally;
  tally.add(host(1), {.dropped = true, .reason = TG_REASON_PACKET_LIMIT});
  tally.add(host(1), {.dry_run = true, .reason = TG_REASON_SYN_LIMIT});
  tally.add(host(1), {});
  tally.add(std::nullopt, {});
  const auto sources = tally.sorted();
  ASSERT_EQ(sources.size(), 1U);
  const Counts& counts = sources[0].second;
  EXPECT_EQ(counts.seen, 3U);
  EXPECT_EQ(counts.dropped, 1U);
  EXPECT_EQ(counts.passed, 2U);
  EXPECT_EQ(counts.would_drop, 1U);
  EXPECT_EQ(counts.by_reason.at(TG_REASON_SYN_LIMIT), 1U);
  EXPECT_EQ(tally.total().seen, 4U);
  EXPECT_EQ(tally.not_ip().seen, 1U);
  EXPECT_EQ(reason_name(TG_REASON_PACKET_LIMIT), "packet_limit");
}

TEST(ReplayTally, KeepsTheHeavyWithinItsMemoryAndLosesNoPacket) {
  Tally tally(100);
  for (int i = 0; i < 50; ++i) tally.add(host(0xcb007107), {.dropped = true, .reason = TG_REASON_PACKET_LIMIT});
  for (std::uint32_t i = 0; i < 10000; ++i) tally.add(host(i), {});
  const auto sources = tally.sorted();
  EXPECT_LE(sources.size(), 201U);
  EXPECT_EQ(sources[0].first.to_string(), "203.0.113.7");
  EXPECT_EQ(sources[0].second.seen, 50U);
  std::uint64_t seen = tally.others().seen;
  for (const auto& [source, counts] : sources) seen += counts.seen;
  EXPECT_EQ(seen, tally.total().seen);
  EXPECT_EQ(tally.total().seen, 10050U);
}

class ReplayCapture : public ::testing::Test {
 protected:
  FakeAgent agent;  // for its directory

  // A little-endian pcap file with nanoseconds.
  std::string capture(std::uint32_t link, const std::vector<Bytes>& packets) {
    const std::string path = agent.directory() / "test.pcap";
    std::ofstream out(path, std::ios::binary);
    const std::uint32_t header[6] = {0xa1b23c4d, 0x00040002, 0, 0, 65535, link};
    out.write(reinterpret_cast<const char*>(header), sizeof header);
    std::uint32_t second = 100;
    for (const Bytes& packet : packets) {
      const auto size = static_cast<std::uint32_t>(packet.size());
      const std::uint32_t each[4] = {second++, 5, size, size + 10};
      out.write(reinterpret_cast<const char*>(each), sizeof each);
      out.write(reinterpret_cast<const char*>(packet.data()), size);
    }
    return path;
  }
};

TEST_F(ReplayCapture, ReadsPacketsWithTheirClock) {
  const auto opened = Capture::open(capture(1, {kEthernet + kIp, kEthernet + kIp}));
  ASSERT_TRUE(opened) << opened.error().message;
  for (int i = 0; i < 2; ++i) {
    const auto packet = (*opened)->next();
    ASSERT_TRUE(packet && *packet);
    EXPECT_EQ((*packet)->when.count(), (100 + i) * 1'000'000'000LL + 5);
    EXPECT_EQ((*packet)->frame.size(), 44U);
  }
  const auto end = (*opened)->next();
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
}

TEST_F(ReplayCapture, UnusablePacketsAreSaidToBe) {
  const auto opened = Capture::open(capture(101, {bytes({0x70})}));
  ASSERT_TRUE(opened);
  const auto packet = (*opened)->next();
  ASSERT_TRUE(packet && *packet);
  EXPECT_TRUE((*packet)->frame.empty());
}

TEST_F(ReplayCapture, RefusesWhatIsNoCaptureAndOtherLinkTypes) {
  const std::string path = agent.directory() / "text";
  std::ofstream(path) << "not a capture at all, just text";
  auto opened = Capture::open(path);
  ASSERT_TRUE(opened);
  const auto packet = (*opened)->next();
  ASSERT_FALSE(packet);
  EXPECT_THAT(packet.error().message, HasSubstr(path + ": "));
  opened = Capture::open(capture(127, {kIp}));  // radiotap
  ASSERT_TRUE(opened);
  const auto other = (*opened)->next();
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("cannot be replayed"));
  EXPECT_FALSE(Capture::open("/nonexistent.pcap"));
  EXPECT_FALSE(Capture::open(agent.directory()));
}

TEST_F(ReplayCapture, ACaptureThatEndsWithinAPacketIsAnError) {
  const std::string path = capture(1, {kEthernet + kIp});
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 3);
  const auto opened = Capture::open(path);
  ASSERT_TRUE(opened);
  EXPECT_FALSE((*opened)->next());
}

TEST(ReplayReportTest, TableAddsUpWhatItDoesNotShow) {
  ReplayReport report;
  for (std::uint32_t i = 0; i < 5; ++i)
    report.tally.add(host(i), {.dropped = i == 3, .reason = TG_REASON_PACKET_LIMIT});
  report.seconds = 1.5;
  std::ostringstream out;
  print_replay(out, Style(false), report, 1);
  EXPECT_EQ(out.str(),
            "5 packets in 1500 ms of capture: 4 passed, 1 dropped\n"
            "\n"
            "SOURCE   SEEN  PASSED  DROPPED  WOULD DROP  BY REASON\n"
            "0.0.0.3     1       0        1           0  packet_limit 1\n"
            "4 more      4       4        0           0\n");
  const Json document = document_of(report);
  ASSERT_EQ(document.size(), 5U);
  EXPECT_EQ(document[0]["source"], "0.0.0.3");
  EXPECT_EQ(document[0]["seen"], 1);
  EXPECT_EQ(document[0]["passed"], 0);
  EXPECT_EQ(document[0]["dropped"], 1);
  EXPECT_EQ(document[0]["reasons"]["packet_limit"], 1);
  report.tally.add(std::nullopt, {});
  EXPECT_TRUE(document_of(report)[5]["source"].is_null());
  EXPECT_EQ(document_of(report)[5]["kind"], "not_ip");
}

TEST(ReplayReportTest, SummaryNamesWhatWasLeftOut) {
  ReplayReport report;
  report.tally.add(host(1), {.dry_run = true, .reason = TG_REASON_PACKET_LIMIT});
  report.unusable = 2;
  report.too_long = 3;
  EXPECT_EQ(summary_of(report),
            "1 packet in 0 ms of capture: 1 passed, 0 dropped, 1 of those passed only in dry-run or by tolerance; "
            "2 left out that are no ingress IP traffic; 3 left out, too long for this kernel");
}

TEST(ReplayCommand, ABadPolicyIsRefusedWithItsPlace) {
  Runner run;
  run.input = "version: 2\n";
  const Ran ran = run({"replay", "--pcap", "/nonexistent.pcap", "--policy", "-"});
  EXPECT_EQ(ran.exit, 1);
  EXPECT_THAT(ran.err, HasSubstr("<stdin>:1:"));
  EXPECT_EQ(run({"replay", "--pcap", "x"}).exit, 2);
}

}  // namespace
}  // namespace tidegate::cli::test
