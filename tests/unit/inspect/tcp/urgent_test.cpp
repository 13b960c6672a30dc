// SPDX-License-Identifier: Apache-2.0
// Urgent bytes, as Linux leaves them out of what read() gives (RFC 6093; tcp_check_urg).
#include "tests/unit/inspect/tcp/recorder.hpp"

namespace tidegate::inspect {
namespace {

using test::OwnedSegment;
using test::TcpScript;

constexpr std::uint32_t kFirst = 1001;  // of the client

class UrgentTest : public TcpTest {
 protected:
  UrgentTest() { add(TcpScript().handshake().segments()); }

  void say(std::uint32_t at, std::string_view text, std::uint16_t urgent = 0) {
    OwnedSegment made = TcpScript().handshake().client(text.empty() ? "x" : text).segments().at(3);
    if (text.empty()) made.payload.clear();
    made.head.sequence = kFirst + at;
    made.head.urgent = urgent;
    table_.add(made.view());
  }
  void acknowledge(std::uint32_t upto, std::uint16_t window = 65'535) {
    OwnedSegment made = TcpScript().handshake().acknowledge(Direction::kToClient).segments().back();
    made.head.acknowledged = kFirst + upto;
    made.head.window = window;
    table_.add(made.view());
  }
  std::uint64_t counted() const { return counters_.of(Counter::kUrgentBytes); }
};

TEST_F(UrgentTest, TheByteBeforeThePointerIsLeftOut) {
  say(0, "/logX", 5);
  say(5, "in");
  EXPECT_EQ(only().client(), "/login");
  EXPECT_EQ(counted(), 1U);
  EXPECT_EQ(counters_.of(Counter::kPayloadBytes), 6U);
  EXPECT_EQ(counters_.of(Counter::kLossy), 0U);
}

TEST_F(UrgentTest, TheFirstAndTheLastAndTheOnlyOne) {
  say(0, "Xab", 1);
  say(3, "cdX", 3);
  say(6, "X", 1);
  say(7, "e");
  EXPECT_EQ(only().client(), "abcde");
  EXPECT_EQ(counted(), 3U);
}

TEST_F(UrgentTest, ThePointerMayLeadIntoALaterSegment) {
  say(0, "ab", 5);
  say(2, "cd");
  say(4, "Xe");
  EXPECT_EQ(only().client(), "abcde");
}

TEST_F(UrgentTest, ASegmentWithoutBytesMarksTheNext) {
  say(0, "", 2);
  say(0, "aXb");
  EXPECT_EQ(only().client(), "ab");
}

TEST_F(UrgentTest, SentAgainItIsLeftOutOnce) {
  say(0, "aX", 2);
  say(0, "aX", 2);
  say(0, "aXb", 2);
  say(3, "c");
  EXPECT_EQ(only().client(), "abc");
  EXPECT_EQ(counted(), 1U);
}

TEST_F(UrgentTest, APointerToWhatWasReadAlreadyIsNone) {
  say(0, "abc");
  say(0, "abc", 2);
  say(3, "d");
  EXPECT_EQ(only().client(), "abcd");
  EXPECT_EQ(counted(), 0U);
}

TEST_F(UrgentTest, OutOfOrderItIsLeftOutToo) {
  say(2, "cX", 2);
  say(4, "d");
  say(0, "ab");
  EXPECT_EQ(only().client(), "abcd");
  EXPECT_EQ(counted(), 1U);
}

// As long as the first has not come in order, nobody can have read it apart: Linux forgets its pointer.
TEST_F(UrgentTest, ANewerPointerMakesAnEarlierByteOneLikeOthers) {
  say(2, "cA", 2);
  say(4, "dB", 2);
  say(0, "ab");
  EXPECT_EQ(only().client(), "abcAd");
  EXPECT_EQ(counted(), 1U);
}

TEST_F(UrgentTest, AnOlderPointerDoesNotReplaceANewerOne) {
  say(4, "dB", 2);
  say(2, "cA", 2);
  say(0, "ab");
  EXPECT_EQ(only().client(), "abcAd");
}

TEST_F(UrgentTest, AGapIsShorterByIt) {
  say(0, "ab", 4);
  say(6, "gh");
  acknowledge(8);
  EXPECT_EQ(only().client(), "ab[3]gh");
  EXPECT_EQ(counters_.of(Counter::kLostBytes), 3U);
}

TEST_F(UrgentTest, AloneInAHoleItIsNoLoss) {
  say(0, "ab", 3);
  say(3, "cd");
  acknowledge(5);
  EXPECT_EQ(only().client(), "abcd");
  EXPECT_EQ(counters_.of(Counter::kLossy), 0U);
}

TEST_F(UrgentTest, ASegmentBeyondTheWindowMarksNothing) {
  say(0, "ab");
  acknowledge(2, 1000);
  say(70'002, "", 1);
  acknowledge(2, 1000);
  say(2, "cX", 2);
  say(4, "d");
  EXPECT_EQ(only().client(), "abcd") << "the pointer far ahead was not taken for the newest";
}

TEST_F(UrgentTest, ASegmentThatEndsBeforeWhatWasAcknowledgedMarksNothing) {
  say(0, "abcd");
  acknowledge(4);
  say(0, "ab", 6);
  say(4, "efg");
  EXPECT_EQ(only().client(), "abcdefg");
}

TEST_F(UrgentTest, OfTheServerToo) {
  auto segments = TcpScript().handshake().client("get").server("anXswer").segments();
  for (OwnedSegment& one : segments) {
    if (one.payload.size() == 7) one.head.urgent = 3;
  }
  add(segments, {3, 4, 5, 6});
  EXPECT_EQ(only().server(), "answer");
}

}  // namespace
}  // namespace tidegate::inspect
