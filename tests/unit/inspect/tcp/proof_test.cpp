// SPDX-License-Identifier: Apache-2.0
// Who is proven to be where its address says, and what whoever forges that address can do about it. The forger may send
// any segment of the client; of the server he gets the answers of its kernel, and sees none.
#include <algorithm>

#include "tests/unit/inspect/tcp/recorder.hpp"

namespace tidegate::inspect {
namespace {

using test::OwnedSegment;
using test::TcpScript;

constexpr std::uint32_t kClient = 1001;  // TcpScriptOptions: the first bytes
constexpr std::uint32_t kServer = 900'001;
const std::string kGet = "GET /.env HTTP/1.1\r\n\r\n";

class ProofTest : public TcpTest {
 protected:
  static OwnedSegment segment(Direction from, std::uint32_t sequence, std::uint32_t acknowledged,
                              std::string_view text = "") {
    const bool client = from == Direction::kToServer;
    const TcpScript script = client ? TcpScript().handshake().client("x") : TcpScript().handshake().server("x");
    OwnedSegment made = script.segments().at(3);
    const auto bytes = std::as_bytes(std::span(text));
    made.payload.assign(bytes.begin(), bytes.end());
    made.head.sequence = sequence;
    made.head.acknowledged = acknowledged;
    made.head.ack = true;
    return made;
  }
  void client(std::uint32_t sequence, std::uint32_t acknowledged, std::string_view text = "") {
    table_.add(segment(Direction::kToServer, sequence, acknowledged, text).view());
  }
  void server(std::uint32_t sequence, std::uint32_t acknowledged, std::string_view text = "") {
    table_.add(segment(Direction::kToClient, sequence, acknowledged, text).view());
  }
  // What the server's kernel answers to a segment of no connection (RFC 9293, 3.10.7.1).
  void reset(std::uint32_t sequence) {
    OwnedSegment made = segment(Direction::kToClient, sequence, 0);
    made.head.ack = false;
    made.head.rst = true;
    table_.add(made.view());
  }
  void syn(std::size_t segments = 2) {
    const auto all = TcpScript().handshake().segments();
    for (std::size_t i = 0; i < segments; ++i) table_.add(all[i].view());
  }
  bool proven() const {
    return std::ranges::any_of(owner_.connections, [](const auto& connection) { return connection->proven; });
  }
};

TEST_F(ProofTest, AHandshakeIsOne) {
  syn(3);
  EXPECT_TRUE(only().proven);
}

TEST_F(ProofTest, TheFirstBytesAreOneWhereTheLastAckIsMissing) {
  syn();
  client(kClient, kServer, kGet);
  EXPECT_TRUE(only().proven);
}

TEST_F(ProofTest, BytesWithoutAConnectionAreNone) {
  client(kClient, 77, kGet);
  reset(77);
  client(kClient, 77, kGet);
  EXPECT_FALSE(proven());
}

TEST_F(ProofTest, NothingThatFollowsAForgedSynIsOne) {
  syn();
  client(kClient, kServer + 1);
  client(kClient, kServer + 1, kGet);
  reset(kServer + 1);
  client(kClient + 5, kServer - 1, kGet);
  EXPECT_FALSE(proven());
}

TEST_F(ProofTest, AnAcknowledgementThatCannotBeOpensNothingBehindASynAck) {
  syn();
  client(kClient, kServer + (1U << 30), kGet);
  EXPECT_EQ(owner_.asked, 0U);
  client(kClient, kServer, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(only().client(), "GET / HTTP/1.1\r\n\r\n") << "nor does it take the place of what the client says";
  EXPECT_TRUE(only().proven);
}

TEST_F(ProofTest, ARstSaysOnlyWhatItAnswers) {
  syn();
  client(kClient, kServer + 5, kGet);
  reset(kServer + 5);
  client(kClient + 5, kServer + 5);
  EXPECT_FALSE(proven());
}

// Linux answers what is outside the window of a handshake under way with an ACK.
TEST_F(ProofTest, AnAckOfTheServerAloneIsNone) {
  client(kClient - 22, 77, kGet);
  ASSERT_EQ(owner_.connections.size(), 1U);
  server(kServer, kClient);
  EXPECT_FALSE(proven());
}

TEST_F(ProofTest, WithoutItsBeginningAnAnswerThatBeginsWhereTheClientIsAndOne) {
  client(kClient, kServer, kGet);
  EXPECT_FALSE(only().proven);
  server(kServer, 5, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(only().proven);
}

TEST_F(ProofTest, WithoutItsBeginningAnAckOfTheVeryEndIsOne) {
  server(kServer, 5, "HTTP/1.1 204 No Content\r\n\r\n");
  client(kClient, kServer, kGet);
  EXPECT_FALSE(only().proven) << "it has not got it yet";
  client(kClient + static_cast<std::uint32_t>(kGet.size()), kServer + 27);
  EXPECT_TRUE(only().proven);
}

TEST_F(ProofTest, WithoutItsBeginningAnAnswerToTheVeryEndIsOne) {
  client(kClient, 5, kGet);
  server(kServer, kClient + static_cast<std::uint32_t>(kGet.size()), "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_TRUE(only().proven);
}

TEST_F(ProofTest, AnAnswerRightBehindAFastOpenIsOne) {
  auto segments = TcpScript().handshake().segments();
  const auto bytes = std::as_bytes(std::span(kGet));
  const auto size = static_cast<std::uint32_t>(bytes.size());
  segments[0].payload.assign(bytes.begin(), bytes.end());
  segments[1].head.acknowledged += size;
  add(segments, {0, 1});
  server(kServer, kClient + size, "HTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(only().client(), kGet);
  EXPECT_TRUE(only().proven);
}

// The server took the first of two SYNs; the other one makes it look as if it had taken bytes as well.
TEST_F(ProofTest, AFastOpenThatTheServerOnlySeemsToTakeIsNone) {
  auto segments = TcpScript({.client_isn = 995}).handshake().segments();
  segments[0].payload.assign(5, std::byte{'x'});
  table_.add(segments[0].view());
  add(TcpScript().handshake().segments(), {1});
  client(kClient, 77, kGet);
  client(kClient, kServer + 1, kGet);
  EXPECT_FALSE(proven());
}

TEST_F(ProofTest, OthersBytesAndAnswersAreNone) {
  client(kClient, 5, kGet);
  server(kServer, kClient + 1, "HTTP/1.1 200 OK\r\n");
  client(kClient + 5, kServer + 3, kGet);
  EXPECT_FALSE(proven());
}

// The victim has a connection to this server of which nothing was seen yet; only its ports are guessed.
TEST_F(ProofTest, ItsOwnerDoesNotVouchForWhatIsForgedIntoAConnection) {
  client(0x70000000, 77, kGet);
  server(kServer, kClient);  // the kernel answers where both really are
  client(kClient, kServer);  // the victim goes on
  client(kClient, kServer, "GET / HTTP/1.1\r\n\r\n");
  server(kServer, kClient + 18, "HTTP/1.1 204 No Content\r\n\r\n");
  client(kClient + 18, kServer + 27);
  EXPECT_EQ(only().client(), kGet);
  EXPECT_FALSE(only().proven);
}

TEST_F(ProofTest, WhereItsOwnerIsProvenNothingElseIsRead) {
  server(kServer, kClient, "data: 1\n");
  client(kClient, kServer + 8);
  ASSERT_TRUE(only().proven);
  client(0x70000000, 77, kGet);
  client(0x70000000, kServer + 8, kGet);
  EXPECT_EQ(only().client(), "");
  client(kClient, kServer + 8, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(only().client(), "GET / HTTP/1.1\r\n\r\n");
  client(0x70000000, kServer + 8, kGet);
  EXPECT_EQ(only().client(), "GET / HTTP/1.1\r\n\r\n") << "though nothing of it is acknowledged";
}

TEST_F(ProofTest, WhatItsOwnerKnowsIsNotKnownToAnother) {
  server(kServer, 5, "data: 1\n");
  client(kClient, kServer + 3);  // the rest is on its way
  client(0x70000000, 77, kGet);
  server(kServer + 3, 5, "a: 1\n");
  client(kClient, kServer + 8);
  EXPECT_EQ(only().client(), kGet);
  EXPECT_FALSE(only().proven);
}

TEST_F(ProofTest, OneEndsWithItsConnection) {
  add(TcpScript().handshake().client("one").segments());
  ASSERT_TRUE(only().proven);
  add(TcpScript({.client_isn = 70'000, .server_isn = 5'000'000}).handshake().segments(), {0, 1});
  client(70'001, kServer, kGet);
  client(70'001, 5'000'002, kGet);
  ASSERT_EQ(owner_.connections.size(), 2U);
  EXPECT_FALSE(owner_.connections[1]->proven);
}

TEST_F(ProofTest, WhatIsForgedBeforeTheHandshakeHidesNothing) {
  client(0x70000000, 77, "GET /forged HTTP/1.1\r\n\r\n");
  add(TcpScript().handshake().client("hello").segments());
  ASSERT_EQ(owner_.connections.size(), 2U);
  EXPECT_FALSE(owner_.connections[0]->proven);
  EXPECT_TRUE(owner_.connections[1]->proven);
  EXPECT_FALSE(owner_.connections[1]->mid_stream);
  EXPECT_EQ(owner_.connections[1]->client(), "hello");
}

TEST_F(ProofTest, WhatIsForgedWithinTheHandshakeHidesNothing) {
  const auto segments = TcpScript().handshake().client("hello").segments();
  table_.add(segments[0].view());
  client(0x70000000, 77, "GET /forged HTTP/1.1\r\n\r\n");
  reset(77);
  for (std::size_t i = 1; i < segments.size(); ++i) table_.add(segments[i].view());
  ASSERT_EQ(owner_.connections.size(), 2U);
  EXPECT_FALSE(owner_.connections[0]->proven);
  EXPECT_TRUE(owner_.connections[1]->proven);
  EXPECT_EQ(owner_.connections[1]->client(), "hello");
}

TEST_F(ProofTest, WithoutAnAckASegmentIsNone) {
  syn(1);
  OwnedSegment forged = segment(Direction::kToServer, kClient, 0, "xxxxx");
  forged.head.ack = false;
  table_.add(forged.view());
  EXPECT_EQ(owner_.asked, 0U) << "no receiver takes it";
  add(TcpScript().handshake().client("hello").segments(), {1, 2, 3});
  EXPECT_EQ(only().client(), "hello");
}

}  // namespace
}  // namespace tidegate::inspect
