// SPDX-License-Identifier: Apache-2.0
// Segments with a wrong checksum: their receiver drops them, and what it answers tells when it did not.
#include "agent/inspect/tcp/doubted.hpp"

#include "tests/unit/inspect/tcp/recorder.hpp"

namespace tidegate::inspect {
namespace {

using test::OwnedSegment;
using test::TcpScript;
using test::TcpScriptOptions;

class DoubtedTest : public TcpTest {
 protected:
  // A handshake, then what the client says, two bytes a segment: 3, 4, 5, …
  static std::vector<OwnedSegment> pairs(std::string_view text, Checksum all) {
    auto made = TcpScript({.segment_size = 2, .acknowledge = false}).handshake().client(text).segments();
    for (OwnedSegment& one : made) one.head.checksum = all;
    return made;
  }
  static OwnedSegment forged(OwnedSegment segment, std::string_view text, Checksum checksum) {
    const auto bytes = std::as_bytes(std::span(text));
    segment.payload.assign(bytes.begin(), bytes.end());
    segment.head.checksum = checksum;
    return segment;
  }
  OwnedSegment acknowledging(std::uint32_t sequence) {
    OwnedSegment made = TcpScript().handshake().acknowledge(Direction::kToClient).segments().back();
    made.head.acknowledged = sequence;
    return made;
  }
  std::uint64_t bad() const { return counters_.of(Counter::kBadChecksum); }
};

TEST_F(DoubtedTest, WhatItsReceiverDropsIsNotRead) {
  for (const Checksum wrong : {Checksum::kWrong, Checksum::kDoubtful}) {
    owner_.connections.clear();
    counters_ = Counters();
    const auto sent = pairs("abcd", Checksum::kRight);
    add(sent, {0, 1, 2});
    table_.add(forged(sent[3], "XY", wrong).view());
    table_.add(forged(sent[4], "ZZ", wrong).view());
    add(sent, {3, 4});
    table_.add(acknowledging(1005).view());
    EXPECT_EQ(only().client(), "abcd");
    EXPECT_EQ(bad(), 2U);
    EXPECT_EQ(counters_.of(Counter::kOverlapConflicts), 0U);
    EXPECT_EQ(budget_.used(), 0U);
    table_.finish(end_);
  }
}

// A card that puts segments together leaves a checksum that is none of the whole's; the receiver had it all the same.
TEST_F(DoubtedTest, WhatTheReceiverHasIsReadAfterAll) {
  auto sent = pairs("abcdefgh", Checksum::kRight);
  sent[4].head.checksum = sent[5].head.checksum = Checksum::kDoubtful;
  add(sent);
  EXPECT_EQ(only().client(), "ab");
  table_.add(acknowledging(1009).view());
  EXPECT_EQ(only().client(), "abcdefgh");
  EXPECT_EQ(counters_.of(Counter::kLossy), 0U);
  EXPECT_EQ(budget_.used(), 0U);
}

TEST_F(DoubtedTest, AnAcknowledgementOfLessIsNoReason) {
  const auto sent = pairs("abcd", Checksum::kRight);
  add(sent, {0, 1, 2, 3});
  table_.add(forged(sent[4], "XY", Checksum::kDoubtful).view());
  table_.add(acknowledging(1003).view());
  EXPECT_EQ(only().client(), "ab");
  add(sent, {4});
  EXPECT_EQ(only().client(), "abcd");
}

TEST_F(DoubtedTest, WhereTheKernelKnowsNoAnswerHelps) {
  const auto sent = pairs("ab", Checksum::kRight);
  add(sent, {0, 1, 2});
  table_.add(forged(sent[3], "XY", Checksum::kWrong).view());
  table_.add(acknowledging(1003).view());
  EXPECT_EQ(only().client(), "");
}

// The device fills them in: no observer on this host ever sees a right one of it.
TEST_F(DoubtedTest, WhoLeavesThemOutIsBelieved) {
  add(pairs("abcdefgh", Checksum::kDoubtful));
  EXPECT_EQ(only().client(), "abcdefgh");
  EXPECT_EQ(bad(), 0U);
}

TEST_F(DoubtedTest, EachSideHasItsOwnHabit) {
  auto talk = TcpScript().handshake().client("hello").server("world").segments();
  for (OwnedSegment& one : talk) {
    const bool of_client = one.head.source == TcpScriptOptions::default_flow().client;
    one.head.checksum = of_client ? Checksum::kRight : Checksum::kDoubtful;
  }
  auto evil = forged(talk[3], "HELLO", Checksum::kDoubtful);
  add(talk, {0, 1, 2});
  table_.add(evil.view());
  add(std::vector(talk.begin() + 3, talk.end()));
  EXPECT_EQ(only().client(), "hello");
  EXPECT_EQ(only().server(), "world");
  EXPECT_EQ(bad(), 1U);
}

TEST_F(DoubtedTest, ResetsAndEndsNeedARightOneToo) {
  auto talk = TcpScript().handshake().client("hello").reset(Direction::kToServer).segments();
  for (OwnedSegment& one : talk) one.head.checksum = Checksum::kRight;
  talk.back().head.checksum = Checksum::kDoubtful;
  add(talk);
  EXPECT_FALSE(only().end[0]);
  talk.back().head.checksum = Checksum::kRight;
  add(talk, {talk.size() - 1});
  EXPECT_EQ(only().end[0], StreamEnd::kReset);
}

TEST_F(DoubtedTest, AWrongSynBeginsNothing) {
  auto talk = TcpScript().handshake().segments();
  talk[0].head.checksum = Checksum::kWrong;
  add(talk, {0});
  EXPECT_EQ(owner_.asked, 0U);
  EXPECT_EQ(bad(), 1U);
}

TEST_F(DoubtedTest, LittleIsKept) {
  const auto sent = pairs("ab", Checksum::kRight);
  add(sent, {0, 1, 2});
  const std::string text(1400, 'x');
  for (int i = 0; i < 10'000; ++i) table_.add(forged(sent[3], text, Checksum::kDoubtful).view());
  EXPECT_LE(budget_.used(), Doubted::kMost * 1600);
  EXPECT_EQ(bad(), 10'000U);
}

}  // namespace
}  // namespace tidegate::inspect
