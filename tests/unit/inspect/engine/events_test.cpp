// SPDX-License-Identifier: Apache-2.0
// Handshakes without requests, and requests that stall.
#include <algorithm>
#include <chrono>

#include "tests/unit/inspect/engine/fixture.hpp"
#include "tests/unit/inspect/tls/peers.hpp"

namespace tidegate::inspect {
namespace {

using std::chrono::seconds;
using tidegate::test::TcpScript;
using namespace std::chrono_literals;

class EventsTest : public EngineFixture {
 protected:
  void SetUp() override { make(web_settings()); }
  std::vector<Summary> of_kind(SummaryKind kind) const {
    std::vector<Summary> found;
    std::ranges::copy_if(sink_.summaries, std::back_inserter(found), [&](const Summary& s) { return s.kind == kind; });
    return found;
  }
  std::size_t stalled() const { return of_kind(SummaryKind::kStalled).size(); }
  std::size_t unread() const { return of_kind(SummaryKind::kUnread).size(); }
  std::size_t handshakes() const { return of_kind(SummaryKind::kHandshake).size(); }
  void tick_until(std::chrono::nanoseconds after) {
    for (WallTime now = last_; now <= last_ + after; now += 100ms) engine_->tick(now);
  }
};

const std::string kHead = "POST /upload/7 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";

TEST_F(EventsTest, AHeadThatDoesNotEndIsToldOnceAndItsRequestLater) {
  TcpScript script;
  script.handshake().client("GET /slow HTTP/1.1\r\nHost: a\r\n");
  for (int i = 0; i < 5; ++i) script.wait(4s).client("X-a: b\r\n");
  feed(script.client("\r\n").server(kNoContent).close());
  ASSERT_EQ(sink_.summaries.size(), 2U);
  const Summary& event = sink_.summaries[0];
  EXPECT_EQ(event.kind, SummaryKind::kStalled);
  EXPECT_EQ(event.path, "/slow");
  EXPECT_EQ(event.service, "web");
  EXPECT_EQ(event.duration, 10s);
  EXPECT_FALSE(event.status);
  EXPECT_EQ(event.connection.flow.client, tidegate::test::TcpScriptOptions::default_flow().client);
  EXPECT_EQ(sink_.summaries[1].kind, SummaryKind::kRequest);
  EXPECT_EQ(sink_.summaries[1].began, event.began);
  EXPECT_EQ(sink_.summaries[1].status, 204);
  EXPECT_EQ(sink_.begun, 2U);
  EXPECT_EQ(count(Counter::kStalledRequests), 1U);
  EXPECT_EQ(count(Counter::kRequests), 1U);
}

TEST_F(EventsTest, ABodyThatDoesNotEndIsTold) {
  feed(TcpScript().handshake().client(kHead + "some"));
  tick_until(9s);
  EXPECT_EQ(stalled(), 0U);
  last_ += 9s;
  tick_until(2s);
  ASSERT_EQ(stalled(), 1U);
  EXPECT_EQ(sink_.summaries[0].request_bytes, kHead.size() + 4);
  tick_until(60s);
  EXPECT_EQ(stalled(), 1U) << "once";
}

TEST_F(EventsTest, ARequestLineThatDoesNotEndIsTold) {
  TcpScript script;
  script.handshake().client("GE").wait(11s).client("T / HTTP/1.1\r\nHost: a\r\n").wait(30s).client("\r\n");
  feed(script.server(kNoContent).close());
  ASSERT_EQ(sink_.summaries.size(), 2U);
  EXPECT_EQ(sink_.summaries[0].kind, SummaryKind::kStalled);
  EXPECT_EQ(sink_.summaries[0].path, "");
  EXPECT_EQ(sink_.summaries[0].request_bytes, 2U);
  EXPECT_EQ(sink_.summaries[1].path, "/");
}

TEST_F(EventsTest, WhatIsWholeInTimeIsNot) {
  feed(TcpScript()
           .handshake()
           .client(kHead)
           .wait(9s)
           .client(std::string(1000, 'x'))
           .wait(60s)
           .server(kNoContent)
           .close());
  EXPECT_EQ(sink_.summaries.size(), 1U);
}

// The same connection, one request after another, each slower than it should be but one.
TEST_F(EventsTest, EachRequestHasItsOwnTime) {
  TcpScript script;
  script.handshake();
  for (int i = 0; i < 3; ++i) {
    script.client(kHead).wait(i == 1 ? 6s : 12s).client(std::string(1000, 'x')).server(kNoContent).wait(1s);
  }
  feed(script.close());
  EXPECT_EQ(stalled(), 2U);
  EXPECT_EQ(of_kind(SummaryKind::kRequest).size(), 3U);
}

// Nobody waits for the rest.
TEST_F(EventsTest, WhatWasAnsweredIsNot) {
  feed(TcpScript(client_number(1))
           .handshake()
           .client(kHead)
           .server("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"));
  tick_until(30s);
  EXPECT_EQ(stalled(), 0U);
}

TEST_F(EventsTest, WhatLostBytesIsNot) {
  feed(TcpScript()
           .handshake()
           .client("GET / HTTP/1.1\r\nHost: a\r\n")
           .lose(Direction::kToServer, 100)
           .client("X-a: b\r\n"));
  tick_until(30s);
  EXPECT_EQ(stalled(), 0U);
}

TEST_F(EventsTest, AContinueIsNoAnswer) {
  feed(TcpScript().handshake().client(kHead).server("HTTP/1.1 100 Continue\r\n\r\n").client("a"));
  tick_until(30s);
  EXPECT_EQ(stalled(), 1U);
}

TEST_F(EventsTest, TunnelsDoNotStall) {
  feed(TcpScript()
           .handshake()
           .client("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
           .server("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
           .client("frames"));
  tick_until(60s);
  EXPECT_EQ(stalled(), 0U);
}

const std::string kPart = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nbeginning";

TEST_F(EventsTest, AResponseThatItsClientDoesNotTakeIsToldOnceAndItsRequestLater) {
  TcpScript script;
  script.handshake().client(kGet).server(kPart).full(Direction::kToServer).wait(9s).full(Direction::kToServer);
  feed(script);
  tick_until(500ms);
  EXPECT_EQ(unread(), 0U);
  feed(TcpScript(script).wait(30s).full(Direction::kToServer).reset(Direction::kToServer));
  ASSERT_EQ(unread(), 1U);
  const Summary event = of_kind(SummaryKind::kUnread).front();
  EXPECT_EQ(event.path, "/orders/17");
  EXPECT_EQ(event.status, 200);
  EXPECT_EQ(event.response_bytes, kPart.size());
  EXPECT_TRUE(event.duration >= 10s && event.duration <= 11s);
  EXPECT_EQ(count(Counter::kUnreadResponses), 1U);
}

// Of a response in one TLS record nothing can be read until all of it has come.
TEST_F(EventsTest, AResponseOfWhichNothingWasSeenIsToldAsWell) {
  feed(TcpScript().handshake().client(kGet).full(Direction::kToServer));
  tick_until(12s);
  ASSERT_EQ(unread(), 1U);
  EXPECT_FALSE(sink_.summaries.front().status);
}

TEST_F(EventsTest, WhoTakesItsResponseSlowlyBecauseOfItsLineIsNotTold) {
  feed(TcpScript().handshake().client(kGet).server(kPart));
  tick_until(60s);
  feed(TcpScript(client_number(1))
           .handshake()
           .client(kGet)
           .server(kPart)
           .full(Direction::kToServer)
           .acknowledge(Direction::kToServer));
  tick_until(60s);
  EXPECT_EQ(unread(), 0U);
}

TEST_F(EventsTest, WhoHasAllOfItsResponseIsNotTold) {
  feed(TcpScript().handshake().client(kGet).server(kNoContent).full(Direction::kToServer));
  tick_until(60s);
  EXPECT_EQ(unread(), 0U);
}

// A worker that is behind must not take what it has not read yet for what did not come.
TEST_F(EventsTest, TheClockDoesNotCountWhilePacketsWait) {
  TcpScript script;
  script.handshake().client(kHead).wait(2s).client(std::string(1000, 'x')).server(kNoContent);
  const auto frames = tidegate::test::to_frames(script.segments());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    engine_->packet(LinkType::kEthernet, frames[i].bytes, frames[i].wire_size, frames[i].time);
    engine_->tick(frames[i].time + 40s, i + 1 == frames.size());
  }
  EXPECT_EQ(stalled(), 0U);
}

TEST_F(EventsTest, EverythingIsGivenBackAndForgotten) {
  for (std::uint32_t i = 0; i < 300; ++i) feed(TcpScript(client_number(i)).handshake().client(kHead));
  tick_until(5s);
  engine_->finish(last_ + 5s);
  EXPECT_EQ(engine_->memory_used(), 0U);
  tick_until(30s);
  EXPECT_EQ(stalled(), 0U);
  EXPECT_EQ(of_kind(SummaryKind::kRequest).size(), 300U);
}

// ---- HTTP/2 ----

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, const std::string& payload) {
  std::string bytes;
  for (const int shift : {16, 8, 0}) bytes += static_cast<char>(payload.size() >> shift);
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(stream >> shift);
  return bytes + payload;
}
const std::string kPreface2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, "");
// POST / over HTTPS: indexed fields of the static table.
std::string post(std::uint32_t stream, std::uint8_t flags = 4) { return frame(1, flags, stream, "\x83\x84\x87"); }

TEST_F(EventsTest, StreamsStallEachByItself) {
  TcpScript script;
  script.handshake().client(kPreface2).server(frame(4, 0, 0, "")).wait(3s).client(post(1)).wait(1s).client(post(3));
  script.wait(1s).client(post(5)).client(post(7, 5)).wait(2s).client(frame(0, 1, 5, "end"));
  feed(script);
  tick_until(30s);
  const auto events = of_kind(SummaryKind::kStalled);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_LT(events[1].began - events[0].began - 1s, 1ms);
  for (const Summary& event : events) {
    EXPECT_EQ(event.method, "POST");
    EXPECT_EQ(event.http, HttpVersion::k2);
    EXPECT_EQ(event.duration, 10s);
  }
}

TEST_F(EventsTest, AHeaderBlockThatDoesNotEndIsTold) {
  feed(TcpScript().handshake().client(kPreface2 + post(1, 0)));
  tick_until(30s);
  EXPECT_EQ(stalled(), 1U);
}

// ---- handshakes ----

class HandshakesTest : public EventsTest, public testing::WithParamInterface<int> {
 protected:
  HandshakesTest() : peers_({.version = GetParam()}) { peers_.connect(); }
  void add_keys() {
    Counters counters;
    for (const std::string& line : peers_.transcript().keys) ASSERT_TRUE(keys_.add_line(line, counters));
  }
  // As many of the pieces that went over the wire.
  TcpScript script(std::size_t pieces = SIZE_MAX) {
    TcpScript script;
    script.handshake();
    for (const test::Piece& piece : peers_.transcript().pieces) {
      if (pieces-- == 0) break;
      script.say(piece.direction, std::as_bytes(std::span(piece.bytes)));
    }
    return script;
  }
  test::Peers peers_;
};

TEST_P(HandshakesTest, AreToldWhenTheConnectionEnds) {
  ASSERT_TRUE(peers_.handshake());
  add_keys();
  feed(script().wait(50ms).close());
  ASSERT_EQ(sink_.summaries.size(), 1U);
  const Summary& event = sink_.summaries[0];
  EXPECT_EQ(event.kind, SummaryKind::kHandshake);
  EXPECT_EQ(event.service, "web");
  EXPECT_EQ(event.connection.tls, GetParam() == TLS1_3_VERSION ? TlsVersion::k13 : TlsVersion::k12);
  EXPECT_FALSE(event.connection.ja4.empty());
  EXPECT_EQ(event.connection.alpn, "http/1.1");
  EXPECT_GE(event.duration, 50ms);
  EXPECT_LT(event.duration, 1s);
  EXPECT_FALSE(event.status);
  EXPECT_EQ(count(Counter::kHandshakeOnly), 1U);
  EXPECT_EQ(count(Counter::kRequests), 0U);
}

TEST_P(HandshakesTest, AreToldWithCloseNotify) {
  ASSERT_TRUE(peers_.handshake());
  peers_.close();
  add_keys();
  feed(script().close());
  EXPECT_EQ(handshakes(), 1U);
}

TEST_P(HandshakesTest, AreToldWhenTheyAreReset) {
  ASSERT_TRUE(peers_.handshake());
  add_keys();
  feed(script().reset(Direction::kToServer));
  EXPECT_EQ(handshakes(), 1U);
}

TEST_P(HandshakesTest, AreToldAfterTenSeconds) {
  ASSERT_TRUE(peers_.handshake());
  add_keys();
  feed(script());
  tick_until(9s);
  EXPECT_EQ(handshakes(), 0U);
  last_ += 9s;
  tick_until(2s);
  ASSERT_EQ(handshakes(), 1U);
  EXPECT_EQ(sink_.summaries[0].duration, 10s);
  last_ += 2s;
  tick_until(60s);
  EXPECT_EQ(handshakes(), 1U) << "once";
  const auto all = script().wait(80s).close().segments();
  feed({all.end() - 3, all.end()});
  EXPECT_EQ(handshakes(), 1U) << "not again at its end";
}

TEST_P(HandshakesTest, AreNotToldWhereARequestCame) {
  ASSERT_TRUE(peers_.handshake());
  peers_.say(Direction::kToServer, kGet);
  peers_.say(Direction::kToClient, kNoContent);
  add_keys();
  feed(script());
  tick_until(30s);
  feed(script().close());
  EXPECT_EQ(handshakes(), 0U);
  EXPECT_EQ(of_kind(SummaryKind::kRequest).size(), 1U);
}

TEST_P(HandshakesTest, WithAPieceOfARequestAreStalled) {
  ASSERT_TRUE(peers_.handshake());
  peers_.say(Direction::kToServer, "GET ");
  add_keys();
  feed(script());
  tick_until(40s);
  EXPECT_EQ(handshakes(), 0U);
  EXPECT_EQ(stalled(), 1U);
}

// What cannot be read may have been a request.
TEST_P(HandshakesTest, WithoutKeysAccuseNobody) {
  ASSERT_TRUE(peers_.handshake());
  feed(script().wait(1s).close());
  tick_until(30s);
  EXPECT_EQ(count(Counter::kNoKey), 1U);
  EXPECT_TRUE(sink_.summaries.empty());
}

TEST_P(HandshakesTest, WhoseKeysComeLateAreToldThen) {
  ASSERT_TRUE(peers_.handshake());
  feed(script().close());
  EXPECT_TRUE(sink_.summaries.empty());
  add_keys();
  engine_->tick(last_ + 1s);
  EXPECT_EQ(handshakes(), 1U);
}

TEST_P(HandshakesTest, WithALossOfTheClientAccuseNobody) {
  ASSERT_TRUE(peers_.handshake());
  add_keys();
  feed(script().lose(Direction::kToServer, 300).close());
  feed(script());
  tick_until(30s);
  EXPECT_EQ(handshakes(), 0U);
}

// The client never finishes: the server has done its work all the same.
TEST_P(HandshakesTest, ThatTheClientLeavesInTheMiddleAreTold) {
  ASSERT_TRUE(peers_.handshake());
  add_keys();
  feed(script(2));
  tick_until(30s);
  EXPECT_EQ(handshakes(), 1U);
}

TEST_P(HandshakesTest, ThatTheServerDoesNotAnswerAreNot) {
  ASSERT_TRUE(peers_.handshake());
  add_keys();
  feed(script(1));
  tick_until(60s);
  EXPECT_EQ(handshakes(), 0U);
}

TEST_P(HandshakesTest, OfHttp2WithASpeculativePrefaceAreToldToo) {
  ASSERT_TRUE(peers_.handshake());
  peers_.say(Direction::kToClient, frame(4, 0, 0, ""));
  peers_.say(Direction::kToServer, kPreface2);
  add_keys();
  feed(script().wait(30s).close());
  EXPECT_EQ(handshakes(), 1U);
}

TEST_P(HandshakesTest, AtTheEndOfACaptureAreNotKnownYet) {
  ASSERT_TRUE(peers_.handshake());
  add_keys();
  feed(script());
  engine_->finish(last_ + 3s);
  EXPECT_TRUE(sink_.summaries.empty());
}

INSTANTIATE_TEST_SUITE_P(Versions, HandshakesTest, testing::Values(TLS1_3_VERSION, TLS1_2_VERSION));

}  // namespace
}  // namespace tidegate::inspect
