// SPDX-License-Identifier: Apache-2.0
// Segments in whatever order, bytes in theirs.
#include "tests/unit/inspect/tcp/recorder.hpp"

namespace tidegate::inspect {
namespace {

using test::OwnedSegment;
using test::TcpScript;
using test::TcpScriptOptions;

class OrderTest : public TcpTest {
 protected:
  // A handshake, then "abcdefgh…" of the client, two bytes a segment, nothing acknowledged: segments 3, 4, 5, …
  static std::vector<OwnedSegment> pairs(std::string_view text = "abcdefgh", std::uint32_t isn = 1000) {
    return TcpScript({.client_isn = isn, .segment_size = 2, .acknowledge = false}).handshake().client(text).segments();
  }
  static OwnedSegment segment(std::uint32_t sequence, std::string_view text) {
    OwnedSegment made = TcpScript().handshake().client(text).segments().at(3);
    made.head.sequence = sequence;
    return made;
  }
  static OwnedSegment ack_of_server(std::uint32_t acknowledged) {
    OwnedSegment made = TcpScript().handshake().acknowledge(Direction::kToClient).segments().back();
    made.head.acknowledged = acknowledged;
    return made;
  }
  std::uint64_t counted(Counter counter) const { return counters_.of(counter); }
};

TEST_F(OrderTest, AConversationComesOutAsItWasSpoken) {
  add(TcpScript().handshake().client("hello").server("world").client("bye").close().segments());
  EXPECT_EQ(only().client(), "hellobye");
  EXPECT_EQ(only().server(), "world");
  EXPECT_EQ(only().flow, TcpScriptOptions::default_flow());
  EXPECT_FALSE(only().mid_stream);
  EXPECT_EQ(only().end[0], StreamEnd::kFinished);
  EXPECT_EQ(only().end[1], StreamEnd::kFinished);
  EXPECT_EQ(counted(Counter::kConnections), 1U);
  EXPECT_EQ(counted(Counter::kPayloadBytes), 13U);
  EXPECT_EQ(counted(Counter::kLossy), 0U);
}

TEST_F(OrderTest, TheTimeIsThatOfTheSegmentThatCompletes) {
  auto segments = pairs();
  segments[3].head.time = segments[6].head.time + std::chrono::milliseconds(200);
  add(segments, {0, 1, 2, 4, 5, 6});
  table_.add(segments[3].view());
  EXPECT_EQ(only().last, segments[3].head.time);
}

TEST_F(OrderTest, InACaptureThatIsNotInOrderOfTimeNothingComesBeforeItWasCaptured) {
  const auto segments = pairs();
  add(segments, {0, 1, 2, 4, 5, 6});
  table_.add(segments[3].view());
  EXPECT_EQ(only().last, segments[6].head.time);
}

TEST_F(OrderTest, SegmentsArePutInOrder) {
  add(pairs(), {0, 1, 2, 6, 4, 5, 3});
  EXPECT_EQ(only().client(), "abcdefgh");
  EXPECT_EQ(budget_.used(), 0U);
}

TEST_F(OrderTest, SequenceNumbersWrap) {
  add(pairs("abcdefgh", 0xfffffffbU), {0, 1, 2, 6, 5, 4, 3});
  EXPECT_EQ(only().client(), "abcdefgh");
}

TEST_F(OrderTest, RepetitionsAreHeardOnce) {
  add(pairs(), {0, 1, 2, 3, 3, 5, 5, 4, 3, 4, 5, 6, 6});
  EXPECT_EQ(only().client(), "abcdefgh");
  EXPECT_EQ(counted(Counter::kOverlapConflicts), 0U);
}

TEST_F(OrderTest, TheSameCapturedTwiceIsHeardOnce) {
  const auto segments = TcpScript().handshake().client("hello").server("world").close().segments();
  for (const auto& one : segments) {
    table_.add(one.view());
    table_.add(one.view());
  }
  EXPECT_EQ(only().client(), "hello");
  EXPECT_EQ(only().server(), "world");
}

TEST_F(OrderTest, OfAnOverlapWhatCameFirstCounts) {
  add(pairs(), {0, 1, 2});
  table_.add(segment(1003, "CDE").view());
  EXPECT_EQ(counted(Counter::kOverlapConflicts), 0U);
  table_.add(segment(1004, "xxF").view());
  EXPECT_EQ(counted(Counter::kOverlapConflicts), 1U);
  table_.add(segment(1001, "abyyyyyh").view());
  EXPECT_EQ(counted(Counter::kOverlapConflicts), 2U);
  EXPECT_EQ(only().client(), "abCDEFyh");
}

TEST_F(OrderTest, AnOverlapWithWhatWasReadIsCutOff) {
  add(pairs("abcd"));
  table_.add(segment(1002, "bcdef").view());
  EXPECT_EQ(only().client(), "abcdef");
}

TEST_F(OrderTest, KeepAlivesSayNothing) {
  add(pairs("abcd"));
  table_.add(segment(1004, "d").view());
  table_.add(segment(1004, "\0").view());
  table_.add(segment(1004, "").view());
  table_.add(segment(1005, "ef").view());
  EXPECT_EQ(only().client(), "abcdef");
  EXPECT_EQ(counted(Counter::kLostBytes), 0U);
}

TEST_F(OrderTest, AProbeOfAFullWindowIsTheNextByte) {
  add(pairs("abcd"));
  table_.add(segment(1005, "e").view());
  table_.add(ack_of_server(1005).view());  // not taken
  table_.add(segment(1005, "ef").view());
  EXPECT_EQ(only().client(), "abcdef");
}

TEST_F(OrderTest, AHoleThatTheReceiverHasIsAGap) {
  const auto segments = pairs();
  add(segments, {0, 1, 2, 3, 5, 6});
  table_.add(ack_of_server(1003).view());
  EXPECT_EQ(only().client(), "ab") << "it may still be sent again";
  table_.add(ack_of_server(1009).view());
  EXPECT_EQ(only().client(), "ab[2]efgh");
  table_.add(segments[4].view());
  EXPECT_EQ(only().client(), "ab[2]efgh");
  EXPECT_EQ(counted(Counter::kLostBytes), 2U);
  EXPECT_EQ(counted(Counter::kLossy), 1U);
}

TEST_F(OrderTest, AnAcknowledgementThatOvertakesWaitsForWhatFollows) {
  const auto segments = pairs();
  add(segments, {0, 1, 2, 3});
  table_.add(ack_of_server(1009).view());
  EXPECT_EQ(only().client(), "ab");
  add(segments, {4});
  EXPECT_EQ(only().client(), "abcd") << "captured late, not lost";
  add(segments, {6});
  EXPECT_EQ(only().client(), "abcd[2]gh");
}

TEST_F(OrderTest, WhatTheCaptureCutIsAGap) {
  OwnedSegment cut = segment(1001, "abc");
  cut.head.cut = 7;
  add(pairs(""));
  table_.add(cut.view());
  table_.add(segment(1011, "xyz").view());
  EXPECT_EQ(only().client(), "abc[7]xyz");
  EXPECT_EQ(counted(Counter::kLostBytes), 7U);
}

TEST_F(OrderTest, WhatTheCaptureCutIsAGapOutOfOrderToo) {
  OwnedSegment cut = segment(1003, "cd");
  cut.head.cut = 4;
  add(pairs(""));
  table_.add(segment(1009, "ij").view());
  table_.add(cut.view());
  table_.add(segment(1001, "ab").view());
  EXPECT_EQ(only().client(), "abcd[4]ij");
}

TEST_F(OrderTest, WhatIsIgnoredIsSkipped) {
  owner_.ignores[0] = 5;
  add(pairs("abcdefgh"), {0, 1, 2, 3, 6, 5, 4});
  EXPECT_EQ(only().client(), "<2><2><1>fgh");
  EXPECT_EQ(counted(Counter::kPayloadBytes), 8U);
}

TEST_F(OrderTest, LossOfWhatIsIgnoredIsNoGap) {
  owner_.ignores[0] = 3;
  add(pairs("abcdefgh"), {0, 1, 2, 5, 6});
  table_.add(ack_of_server(1009).view());
  EXPECT_EQ(only().client(), "<3>[1]efgh");
  EXPECT_EQ(counted(Counter::kLostBytes), 4U);
}

TEST_F(OrderTest, SegmentsFromNowhereAreLeftOut) {
  add(pairs("abcd"));
  table_.add(ack_of_server(1005).view());
  table_.add(segment(1005 + (1U << 30), "nowhere").view());
  table_.add(segment(1005 - (1U << 30), "nowhere").view());
  EXPECT_EQ(budget_.used(), 0U);
  table_.add(segment(1005, "ef").view());
  EXPECT_EQ(only().client(), "abcdef");
}

// More was lost than any window is wide: the receiver's acknowledgements show that it is no forgery.
TEST_F(OrderTest, AfterALongLossItGoesOn) {
  constexpr std::uint32_t kFar = 1U << 30;
  add(pairs("abcd"));
  table_.add(ack_of_server(1005).view());
  table_.add(ack_of_server(1005 + kFar).view());
  table_.add(segment(1005 + kFar + 2, "gh").view());
  EXPECT_EQ(only().client(), "abcd");
  table_.add(segment(1005 + kFar, "ef").view());
  EXPECT_EQ(only().client(), "abcd[" + std::to_string(kFar) + "]efgh");
}

}  // namespace
}  // namespace tidegate::inspect
