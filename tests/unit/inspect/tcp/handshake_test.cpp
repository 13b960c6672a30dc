// SPDX-License-Identifier: Apache-2.0
// How connections begin, and begin again.
#include "tests/unit/inspect/tcp/recorder.hpp"

namespace tidegate::inspect {
namespace {

using test::OwnedSegment;
using test::TcpScript;
using test::TcpScriptOptions;

class HandshakeTest : public TcpTest {
 protected:
  // A SYN with bytes (TCP Fast Open), the answer that takes `taken` of them, and what the client says next.
  static std::vector<OwnedSegment> fast_open(std::string_view text, std::uint32_t taken) {
    auto segments = TcpScript().handshake().segments();
    const auto bytes = std::as_bytes(std::span(text));
    segments[0].payload.assign(bytes.begin(), bytes.end());
    segments[1].head.acknowledged += taken;
    segments[2].head.sequence += taken;
    return segments;
  }
  static OwnedSegment from_client(std::uint32_t sequence, std::string_view text) {
    OwnedSegment made = TcpScript().handshake().client(text).segments().at(3);
    made.head.sequence = sequence;
    return made;
  }
  static std::vector<OwnedSegment> again(std::uint32_t client_isn, std::string_view text) {
    return TcpScript({.client_isn = client_isn, .server_isn = 5'000'000}).handshake().client(text).segments();
  }
};

TEST_F(HandshakeTest, OpensWhenItIsComplete) {
  const auto segments = TcpScript().handshake().segments();
  add(segments, {0, 1});
  EXPECT_EQ(owner_.asked, 0U);
  EXPECT_EQ(table_.size(), 0U);
  add(segments, {2});
  EXPECT_EQ(owner_.asked, 1U);
  EXPECT_EQ(table_.size(), 1U);
}

TEST_F(HandshakeTest, ARefusedOneIsNone) {
  auto segments = TcpScript().handshake().reset(Direction::kToClient).segments();
  segments[3].head.ack = true;
  segments[3].head.acknowledged = 1001;
  add(segments, {0, 3});
  add(TcpScript().handshake().segments(), {2});
  EXPECT_EQ(owner_.asked, 0U);
}

TEST_F(HandshakeTest, AForeignResetDoesNotRefuseIt) {
  const auto segments = TcpScript().handshake().client("hello").segments();
  OwnedSegment reset = TcpScript().handshake().reset(Direction::kToClient).segments().back();
  reset.head.acknowledged = 77;
  table_.add(segments[0].view());
  table_.add(reset.view());
  table_.add(segments[3].view());
  EXPECT_FALSE(only().mid_stream) << "its SYN is still known";
  EXPECT_EQ(only().client(), "hello");
}

TEST_F(HandshakeTest, OnlyTheServersExactResetUndoesItsAnswer) {
  const auto segments = TcpScript().handshake().reset(Direction::kToClient).segments();
  OwnedSegment foreign = segments[3];
  foreign.head.sequence += 100;
  add(segments, {0, 1});
  table_.add(foreign.view());
  add(segments, {2});
  EXPECT_EQ(owner_.asked, 1U);
  table_.finish(end_);
  add(segments, {0, 1, 3, 2});
  EXPECT_EQ(owner_.asked, 1U) << "refused";
}

TEST_F(HandshakeTest, TheFirstBytesOpenItToo) {
  add(TcpScript().handshake().client("hello").segments(), {0, 1, 3});
  EXPECT_FALSE(only().mid_stream);
  EXPECT_EQ(only().client(), "hello");
}

TEST_F(HandshakeTest, AnAnswerAloneTellsWhoIsWho) {
  owner_.server_port = 1;  // no help
  TcpScriptOptions options;
  options.flow = {.client = {*Address::parse("2001:db8::1"), 80}, .server = {*Address::parse("2001:db8::2"), 50'000}};
  add(TcpScript(options).handshake().client("hello").server("world").segments(), {1, 3, 4, 5, 6});
  EXPECT_EQ(only().flow, options.flow);
  EXPECT_FALSE(only().mid_stream);
  EXPECT_EQ(only().client(), "hello");
  EXPECT_EQ(only().server(), "world");
}

TEST_F(HandshakeTest, BytesOfASynCountWhenTheServerTakesThem) {
  add(fast_open("hello", 5));
  table_.add(from_client(1006, "more").view());
  EXPECT_EQ(only().client(), "hellomore");
}

TEST_F(HandshakeTest, ASynSentAgainWithoutItsBytesDoesNotUndoThem) {
  const auto segments = fast_open("hello", 5);
  OwnedSegment again = segments[0];
  again.payload.clear();
  table_.add(segments[0].view());
  table_.add(again.view());
  add(segments, {1, 2});
  EXPECT_EQ(only().client(), "hello");
}

TEST_F(HandshakeTest, BytesOfASynThatTheServerLeavesAreSentAgain) {
  add(fast_open("spoof", 0));
  table_.add(from_client(1001, "hello").view());
  EXPECT_EQ(only().client(), "hello");
  EXPECT_EQ(counters_.of(Counter::kOverlapConflicts), 0U);
  EXPECT_EQ(budget_.used(), 0U);
}

TEST_F(HandshakeTest, BytesOfASynWithoutAnAnswerInView) {
  const auto segments = fast_open("hello", 5);
  table_.add(segments[0].view());
  EXPECT_GT(budget_.used(), 0U);
  table_.add(from_client(1006, "more").view());
  EXPECT_EQ(only().client(), "hellomore");
}

TEST_F(HandshakeTest, TheServerMaySpeakRightAfterAFastOpen) {
  auto segments = fast_open("hello", 5);
  OwnedSegment answer = TcpScript().handshake().server("world").segments().at(3);
  answer.head.acknowledged = 1006;
  add(segments, {0, 1});
  table_.add(answer.view());
  table_.add(segments[2].view());
  EXPECT_EQ(only().client(), "hello");
  EXPECT_EQ(only().server(), "world");
}

TEST_F(HandshakeTest, AnotherSynBeforeTheAnswerDoesNotHideTheConnection) {
  const auto segments = TcpScript().handshake().client("hello").segments();
  OwnedSegment forged = segments[0];
  forged.head.sequence = 0x80001000;
  table_.add(segments[0].view());
  table_.add(forged.view());
  add(segments, {1, 2, 3});
  EXPECT_EQ(only().client(), "hello");
}

TEST_F(HandshakeTest, AnotherSynAfterTheAnswerDoesNotHideTheConnection) {
  const auto segments = TcpScript().handshake().client("hello").segments();
  OwnedSegment forged = segments[0];
  forged.head.sequence = 0x80001000;
  add(segments, {0, 1});
  table_.add(forged.view());
  add(segments, {2, 3});
  EXPECT_EQ(only().client(), "hello");
  EXPECT_FALSE(only().mid_stream);
}

TEST_F(HandshakeTest, AnUnansweredSynThatDoesNotFitIsNotBelieved) {
  const auto segments = TcpScript().handshake().client("hello").segments();
  OwnedSegment forged = segments[0];
  forged.head.sequence = 0x80001000;
  table_.add(forged.view());
  table_.add(segments[3].view());
  EXPECT_TRUE(only().mid_stream);
  EXPECT_EQ(only().client(), "hello");
}

TEST_F(HandshakeTest, PortsAreUsedAgainAfterTheEnd) {
  add(TcpScript().handshake().client("one").close().segments());
  add(again(70'000, "two"));
  ASSERT_EQ(owner_.connections.size(), 2U);
  EXPECT_EQ(owner_.connections[1]->client(), "two");
  EXPECT_FALSE(owner_.connections[1]->mid_stream);
}

TEST_F(HandshakeTest, PortsAreUsedAgainThoughTheSynWasMissed) {
  add(TcpScript().handshake().client("one").close().segments());
  add(again(70'000, "two"), {1, 2, 3});
  ASSERT_EQ(owner_.connections.size(), 2U);
  EXPECT_EQ(owner_.connections[1]->client(), "two");
}

TEST_F(HandshakeTest, LateSegmentsOfAnEndedConnectionOpenNothing) {
  const auto segments = TcpScript().handshake().client("one").server("two").close().segments();
  add(segments);
  add(segments);
  EXPECT_EQ(only().client(), "one");
}

TEST_F(HandshakeTest, PortsAreUsedAgainThoughTheEndWasMissed) {
  add(TcpScript().handshake().client("one").segments());
  add(again(70'000, "two"));
  ASSERT_EQ(owner_.connections.size(), 2U);
  EXPECT_EQ(owner_.connections[0]->end[0], StreamEnd::kEvicted);
  EXPECT_EQ(owner_.connections[1]->client(), "two");
}

TEST_F(HandshakeTest, ASynThatTheServerDoesNotAnswerEndsNothing) {
  add(TcpScript().handshake().client("one").segments());
  add(again(70'000, "two"), {0});
  table_.add(from_client(1004, "more").view());
  EXPECT_EQ(only().client(), "onemore");
}

TEST_F(HandshakeTest, PortsAreUsedAgainWhereOnlyTheClientIsSeen) {
  add(TcpScript().handshake().client("one").segments(), {0, 2, 3});
  add(again(70'000, "two"), {0, 2, 3});
  ASSERT_EQ(owner_.connections.size(), 2U);
  EXPECT_EQ(owner_.connections[1]->client(), "two");
}

TEST_F(HandshakeTest, WhatIsRefusedCostsOneQuestion) {
  owner_.refuse = true;
  add(TcpScript().handshake().client("hello").server("world").close().segments());
  EXPECT_EQ(owner_.asked, 1U);
  EXPECT_EQ(table_.size(), 0U);
  EXPECT_EQ(counters_.of(Counter::kConnections), 0U);
  owner_.refuse = false;
  add(again(70'000, "two"));
  EXPECT_EQ(only().client(), "two");
}

}  // namespace
}  // namespace tidegate::inspect
