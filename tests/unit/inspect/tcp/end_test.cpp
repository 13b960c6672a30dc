// SPDX-License-Identifier: Apache-2.0
// How connections end.
#include "tests/unit/inspect/tcp/recorder.hpp"

namespace tidegate::inspect {
namespace {

using test::OwnedSegment;
using test::TcpScript;

class EndTest : public TcpTest {
 protected:
  // A RST of the client, `ahead` of what comes next after "hello".
  static OwnedSegment reset(std::uint32_t ahead) {
    OwnedSegment made = TcpScript().handshake().client("hello").reset(Direction::kToServer).segments().back();
    made.head.sequence += ahead;
    return made;
  }
  void acknowledge(std::uint32_t upto) {
    OwnedSegment made = TcpScript().handshake().acknowledge(Direction::kToClient).segments().back();
    made.head.acknowledged = upto;
    table_.add(made.view());
  }
  // Of the client.
  void say(std::uint32_t sequence, std::string_view text) {
    OwnedSegment made = TcpScript().handshake().client(text).segments().at(3);
    made.head.sequence = sequence;
    table_.add(made.view());
  }
  // So many bytes after hello().
  void say_on(std::uint32_t size) {
    for (std::uint32_t at = 0; at < size; at += 1000) {
      say(1006 + at, std::string(std::min<std::uint32_t>(1000, size - at), 'x'));
    }
  }
  void finish(std::uint32_t sequence) {
    OwnedSegment fin = TcpScript().handshake().client("hello").fin(Direction::kToServer).segments().back();
    fin.head.sequence = sequence;
    table_.add(fin.view());
  }
  void hello() { add(TcpScript().handshake().client("hello").segments()); }
};

TEST_F(EndTest, EachDirectionEndsForItself) {
  TcpScript script;
  script.handshake().client("hello").fin(Direction::kToServer).server("world");
  add(script.segments());
  EXPECT_EQ(only().end[0], StreamEnd::kFinished);
  EXPECT_FALSE(only().end[1]);
  EXPECT_EQ(only().server(), "world");
  EXPECT_FALSE(only().destroyed);
}

TEST_F(EndTest, AReceiverThatTakesNoMoreIsToldOnceAndAgainWhenItDoes) {
  TcpScript script;
  script.handshake().client("get").server("a").full(Direction::kToServer).full(Direction::kToServer);
  script.acknowledge(Direction::kToServer).full(Direction::kToServer);
  add(script.segments());
  EXPECT_EQ(only().server(), "a{full}{taken}{full}");
  EXPECT_EQ(only().client(), "get");
}

TEST_F(EndTest, AForgedWindowIsNotBelieved) {
  TcpScript script;
  script.handshake().client("get").server("a").full(Direction::kToServer);
  auto segments = script.segments();
  segments.back().head.acknowledged += 1U << 30;
  add(segments);
  EXPECT_EQ(only().server(), "a");
}

TEST_F(EndTest, AWindowIsClosedByWhoKnowsWhereTheClientIs) {
  TcpScript script;
  script.handshake().client("get").server("a").full(Direction::kToServer);
  auto segments = script.segments();
  segments.back().head.sequence += 1000;
  add(segments);
  EXPECT_EQ(only().server(), "a");
}

TEST_F(EndTest, SimultaneousFins) {
  auto segments = TcpScript().handshake().client("a").close().segments();
  segments[segments.size() - 2].head.acknowledged -= 1;  // it had not seen the other's FIN
  add(segments);
  EXPECT_TRUE(only().destroyed);
  EXPECT_EQ(only().end[0], StreamEnd::kFinished);
  EXPECT_EQ(only().end[1], StreamEnd::kFinished);
}

TEST_F(EndTest, AFinWaitsForWhatPrecedesIt) {
  const auto segments = TcpScript({.segment_size = 2, .acknowledge = false})
                            .handshake()
                            .client("abcd")
                            .fin(Direction::kToServer)
                            .segments();
  add(segments, {0, 1, 2, 5, 4});
  EXPECT_FALSE(only().end[0]);
  add(segments, {3});
  EXPECT_EQ(only().client(), "abcd");
  EXPECT_FALSE(only().end[0]) << "the receiver may have dropped it";
  acknowledge(1006);
  EXPECT_EQ(only().end[0], StreamEnd::kFinished);
  EXPECT_EQ(counters_.of(Counter::kRefutedFins), 0U);
}

TEST_F(EndTest, AFinThatTheReceiverHasMakesWhatIsMissingAGap) {
  TcpScript script({.segment_size = 2, .acknowledge = false});
  script.handshake().client("ab").lose(Direction::kToServer, 7).fin(Direction::kToServer);
  script.acknowledge(Direction::kToClient);
  add(script.segments());
  EXPECT_EQ(only().client(), "ab[7]");
  EXPECT_EQ(only().end[0], StreamEnd::kFinished);
}

TEST_F(EndTest, BytesBeyondAFinAreNone) {
  hello();
  finish(1008);
  say(1006, "xxyyy");
  EXPECT_EQ(only().client(), "helloxx");
  EXPECT_FALSE(only().end[0]);
  acknowledge(1009);
  EXPECT_EQ(only().client(), "helloxx");
  EXPECT_EQ(only().end[0], StreamEnd::kFinished);
  EXPECT_EQ(budget_.used(), 0U);
}

// A FIN beyond the window is dropped by the server, which reads on.
TEST_F(EndTest, AFinThatTheReceiverNeverHadIsNone) {
  hello();
  finish(1008);
  say(1006, "xxyyy");
  say(1011, "zz");
  acknowledge(1013);
  EXPECT_EQ(only().client(), "helloxxyyyzz");
  say(1013, "more");
  EXPECT_EQ(only().client(), "helloxxyyyzzmore");
  EXPECT_FALSE(only().end[0]);
  EXPECT_EQ(counters_.of(Counter::kRefutedFins), 1U);
  EXPECT_EQ(counters_.of(Counter::kLostBytes), 0U);
  finish(1017);
  EXPECT_EQ(only().end[0], StreamEnd::kFinished);
}

TEST_F(EndTest, AFinInOrderCountsWhateverWasSaidBeyond) {
  hello();
  finish(1050);
  say(1100, "far");
  finish(1006);
  EXPECT_EQ(only().client(), "hello");
  EXPECT_EQ(only().end[0], StreamEnd::kFinished);
  EXPECT_EQ(budget_.used(), 0U);
}

TEST_F(EndTest, AFinAtTheEdgeOfTheWindowWaitsForItsAcknowledgement) {
  hello();
  say_on(65'535);  // the window that hello() was acknowledged with
  finish(1006 + 65'535);
  EXPECT_FALSE(only().end[0]);
  acknowledge(1006 + 65'536);
  EXPECT_EQ(only().end[0], StreamEnd::kFinished);
}

TEST_F(EndTest, MoreBeyondADoubtfulFinThanIsKeptRefutesIt) {
  hello();
  finish(1007);
  say_on(1'200'000);
  EXPECT_EQ(only().client(), "hello" + std::string(1'200'000, 'x'));
  EXPECT_EQ(counters_.of(Counter::kRefutedFins), 1U);
}

// What waits in a hole may be beyond the window, and so is a RST behind it: its receiver drops both.
TEST_F(EndTest, AResetBehindWhatTheReceiverNeverHadIsDoubtful) {
  hello();
  say(1006 + (2 << 20), "y");
  table_.add(reset((2 << 20) + 1).view());
  EXPECT_FALSE(only().end[0]);
  say(1006, "more");
  EXPECT_EQ(only().client(), "hellomore");
  table_.expire(TcpScript().handshake().segments().back().head.time + std::chrono::seconds(60));
  EXPECT_FALSE(only().end[0]);
}

TEST_F(EndTest, AResetBehindADoubtfulFinIsDoubtful) {
  hello();
  finish(1006 + (2 << 20));
  table_.add(reset((2 << 20) + 1).view());
  EXPECT_FALSE(only().end[0]);
  say(1006, "more");
  EXPECT_EQ(only().client(), "hellomore");
}

TEST_F(EndTest, AResetBeyondTheWindowIsDoubtful) {
  hello();
  say_on(65'536);
  table_.add(reset(65'536).view());
  EXPECT_FALSE(only().end[0]);
}

TEST_F(EndTest, AFinBeforeWhatCameAlreadyIsNone) {
  hello();
  OwnedSegment ahead = TcpScript().handshake().client("zz").segments().at(3);
  ahead.head.sequence = 1010;
  table_.add(ahead.view());
  OwnedSegment fin = TcpScript().handshake().client("hello").fin(Direction::kToServer).segments().back();
  fin.head.sequence = 1008;
  table_.add(fin.view());
  fin.head.sequence = 1002;
  table_.add(fin.view());
  OwnedSegment between = TcpScript().handshake().client("wxyz").segments().at(3);
  between.head.sequence = 1006;
  table_.add(between.view());
  EXPECT_EQ(only().client(), "hellowxyzzz");
  EXPECT_FALSE(only().end[0]);
}

TEST_F(EndTest, AFinBehindAHoleIsStillTheEnd) {
  TcpScript script({.acknowledge = false});
  add(script.handshake().client("ab").lose(Direction::kToServer, 7).fin(Direction::kToServer).segments());
  EXPECT_FALSE(only().end[0]);
  table_.finish(end_);
  EXPECT_EQ(only().client(), "ab[7]");
  EXPECT_EQ(only().end[0], StreamEnd::kFinished);
  EXPECT_EQ(only().end[1], StreamEnd::kEvicted);
}

TEST_F(EndTest, AResetAfterAFinIsExactToo) {
  TcpScript script;
  script.handshake().client("hello").fin(Direction::kToServer).server("world").reset(Direction::kToServer);
  add(script.segments());
  EXPECT_EQ(only().end[0], StreamEnd::kFinished);
  EXPECT_EQ(only().end[1], StreamEnd::kReset);
}

TEST_F(EndTest, AResetEndsBoth) {
  hello();
  table_.add(reset(0).view());
  EXPECT_EQ(only().end[0], StreamEnd::kReset);
  EXPECT_EQ(only().end[1], StreamEnd::kReset);
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(EndTest, AResetOutsideTheWindowIsNone) {
  hello();
  table_.add(reset(0x70000000).view());
  table_.add(reset(0U - 3).view());
  EXPECT_FALSE(only().end[0]);
  table_.expire(reset(0).head.time + std::chrono::seconds(60));
  EXPECT_FALSE(only().end[0]);
}

// RFC 5961: a receiver does not believe it. Whether it was a forgery shows.
TEST_F(EndTest, AnInexactResetEndsItOnlyWhenNothingFollows) {
  hello();
  table_.add(reset(9).view());
  EXPECT_FALSE(only().end[0]);
  OwnedSegment more = TcpScript().handshake().client("hello").client("more").segments().at(5);
  table_.add(more.view());
  EXPECT_EQ(only().client(), "hellomore");
  table_.expire(more.head.time + std::chrono::seconds(60));
  EXPECT_FALSE(only().end[0]);
  table_.add(reset(9).view());
  table_.expire(more.head.time + std::chrono::seconds(60));
  EXPECT_EQ(only().end[0], StreamEnd::kReset);
}

TEST_F(EndTest, AResetBehindALossIsExactByWhatWasAcknowledged) {
  TcpScript script({.acknowledge = true});
  script.handshake().client("a").lose(Direction::kToServer, 10).acknowledge(Direction::kToClient);
  add(script.reset(Direction::kToServer).segments());
  EXPECT_EQ(only().end[0], StreamEnd::kReset);
  EXPECT_EQ(only().client(), "a[0]") << "how much is lost is not known: one of it may be a FIN";
}

TEST_F(EndTest, WhatWaitsIsHandedOverAtTheEnd) {
  const auto segments = TcpScript({.segment_size = 2, .acknowledge = false}).handshake().client("abcdefgh").segments();
  add(segments, {0, 1, 2, 4, 6});
  table_.finish(end_);
  EXPECT_EQ(only().client(), "[2]cd[2]gh");
  EXPECT_EQ(only().end[0], StreamEnd::kEvicted);
  EXPECT_EQ(counters_.of(Counter::kLostBytes), 4U);
}

TEST_F(EndTest, IdleConnectionsAreForgotten) {
  hello();
  const WallTime last = TcpScript().handshake().client("hello").segments().back().head.time;
  table_.expire(last + std::chrono::seconds(299));
  EXPECT_EQ(table_.size(), 1U);
  table_.expire(last + std::chrono::seconds(301));
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_EQ(only().end[0], StreamEnd::kEvicted);
  EXPECT_EQ(counters_.of(Counter::kEvictedIdle), 1U);
}

TEST_F(EndTest, HandshakesAndEndedConnectionsAreForgottenSooner) {
  const auto segments = TcpScript().handshake().client("hello").close().segments();
  const WallTime first = segments.front().head.time;
  add(segments, {0});
  table_.expire(first + std::chrono::seconds(31));
  add(segments, {3});
  EXPECT_TRUE(only().mid_stream) << "its SYN was forgotten";
  table_.finish(end_);
  add(segments);
  table_.expire(first + std::chrono::seconds(9));
  add(segments, {3});
  EXPECT_EQ(owner_.asked, 2U) << "late";
  table_.expire(first + std::chrono::seconds(11));
  add(segments, {3});
  EXPECT_EQ(owner_.asked, 3U) << "forgotten";
}

TEST_F(EndTest, GivingUpEndsAndIgnores) {
  hello();
  table_.give_up(only().flow, end_);
  EXPECT_EQ(only().end[0], StreamEnd::kEvicted);
  EXPECT_TRUE(only().destroyed);
  EXPECT_EQ(table_.size(), 0U);
  add(TcpScript().handshake().client("hello").client("more").segments(), {5});
  EXPECT_EQ(only().client(), "hello");
}

TEST_F(EndTest, GivingUpFromWithinTakesEffectAfterwards) {
  bool within = false;
  owner_.hook = [&](const Recorded& record) {
    if (within) return;
    within = true;
    table_.give_up(record.flow, end_);
    table_.give_up(record.flow, end_);
    EXPECT_FALSE(record.end[0]);
    EXPECT_FALSE(record.destroyed);
  };
  const auto segments = TcpScript({.segment_size = 2, .acknowledge = false}).handshake().client("abcd").segments();
  add(segments, {0, 1, 2, 4, 3});
  EXPECT_EQ(only().client(), "ab") << "no bytes after it was given up";
  EXPECT_EQ(only().end[0], StreamEnd::kEvicted);
  EXPECT_TRUE(only().destroyed);
}

TEST_F(EndTest, GivingUpWhileSkippingHandsNothingMoreOver) {
  owner_.ignores[0] = 2;
  owner_.hook = [&](const Recorded& record) { table_.give_up(record.flow, end_); };
  hello();
  EXPECT_EQ(only().client(), "<2>");
  EXPECT_TRUE(only().destroyed);
}

// The end of one gives up the next, and so on.
TEST_F(EndTest, GivingUpOthersFromWithinIsSafe) {
  std::vector<Flow> flows;
  for (std::uint16_t i = 0; i < 50; ++i) {
    test::TcpScriptOptions options;
    options.flow.client.port = static_cast<std::uint16_t>(20'000 + i);
    flows.push_back(options.flow);
    add(TcpScript(options).handshake().client("x").segments());
  }
  owner_.hook = [&](const Recorded& record) {
    const std::size_t i = record.flow.client.port - 20'000U;
    if (i + 1 < flows.size()) table_.give_up(flows[i + 1], end_);
  };
  table_.give_up(flows[0], end_);
  EXPECT_EQ(table_.size(), 0U);
  for (const auto& connection : owner_.connections) EXPECT_TRUE(connection->destroyed);
}

TEST_F(EndTest, GivingUpWhileExpiringAndFinishingIsSafe) {
  for (std::uint16_t i = 0; i < 20; ++i) {
    test::TcpScriptOptions options;
    options.flow.client.port = static_cast<std::uint16_t>(20'000 + i);
    options.start += std::chrono::seconds(i);
    add(TcpScript(options).handshake().client("x").segments());
  }
  owner_.hook = [&](const Recorded&) {
    for (const auto& connection : owner_.connections) table_.give_up(connection->flow, end_);
  };
  table_.expire(test::TcpScriptOptions{}.start + std::chrono::seconds(302));
  EXPECT_EQ(table_.size(), 0U);
}

}  // namespace
}  // namespace tidegate::inspect
