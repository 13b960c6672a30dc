// SPDX-License-Identifier: Apache-2.0
// Only the packet of the ClientHello is missing in the capture, or it has a format of old.
#include "tests/unit/inspect/engine/fixture.hpp"
#include "tests/unit/inspect/tls/old_hello.hpp"
#include "tests/unit/inspect/tls/peers.hpp"

namespace tidegate::inspect {
namespace {

class MissedHelloPacketTest : public EngineFixture, public testing::WithParamInterface<int> {
 protected:
  MissedHelloPacketTest() : peers_({.version = GetParam()}) {
    peers_.connect();
    EXPECT_TRUE(peers_.handshake());
    peers_.say(Direction::kToServer, kGet);
    peers_.say(Direction::kToClient, kNoContent);
    peers_.say(Direction::kToServer, kGet);
    peers_.say(Direction::kToClient, kNoContent);
  }
  void add_keys(const std::string& extension) {
    Counters counters;
    for (const std::string& line : peers_.transcript().keys) ASSERT_TRUE(keys_.add_line(line + extension, counters));
  }
  void play() {
    make(web_settings());
    tidegate::test::TcpScript script;
    script.handshake();
    bool first = true;
    for (const test::Piece& piece : peers_.transcript().pieces) {
      if (first) {
        script.lose(piece.direction, piece.bytes.size());
      } else {
        script.say(piece.direction, std::as_bytes(std::span(piece.bytes)));
      }
      first = false;
    }
    feed(script.close());
    engine_->finish(last_);
  }

  test::Peers peers_;
};

TEST_P(MissedHelloPacketTest, ItsKeysAreFoundByItsEndpoints) {
  add_keys(" tcp 198.51.100.7:40000 192.0.2.1:443 0x0000");
  play();
  ASSERT_EQ(sink_.summaries.size(), 2U);
  EXPECT_EQ(sink_.summaries[0].path, "/orders/17");
  EXPECT_EQ(sink_.summaries[1].status, 204);
  EXPECT_EQ(count(Counter::kDecrypted), 1U);
  EXPECT_EQ(count(Counter::kLossy), 1U);
  EXPECT_EQ(count(Counter::kNoKey), 0U);
}

TEST_P(MissedHelloPacketTest, WithoutEndpointsItIsCounted) {
  add_keys("");
  play();
  EXPECT_TRUE(sink_.summaries.empty());
  EXPECT_EQ(count(Counter::kDecrypted), 0U);
  EXPECT_EQ(count(Counter::kNoKey), 1U);
}

INSTANTIATE_TEST_SUITE_P(Versions, MissedHelloPacketTest, testing::Values(TLS1_3_VERSION, TLS1_2_VERSION));

class OldHelloEngineTest : public EngineFixture {};

// In the format of SSL 2.0. It is not in the check sums of Finished messages, which the inspector does not look at.
TEST_F(OldHelloEngineTest, IsTlsHoweverItIsCut) {
  test::Peers peers({.version = TLS1_2_VERSION, .suites = "AES128-GCM-SHA256"});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  peers.say(Direction::kToServer, kGet);
  peers.say(Direction::kToClient, kNoContent);
  Counters counters;
  for (const std::string& line : peers.transcript().keys) ASSERT_TRUE(keys_.add_line(line, counters));
  auto pieces = peers.transcript().pieces;
  const std::string hello = test::record_of(test::OldHello{.challenge = test::random_of(pieces[0].bytes)});
  for (const std::size_t cut : {1U, 2U, 4U, 30U}) {
    make(web_settings());
    sink_.summaries.clear();
    pieces[0].bytes = hello.substr(cut);
    tidegate::test::TcpScript script;
    script.handshake();
    script.say(Direction::kToServer, std::as_bytes(std::span(hello).first(cut)));
    for (const test::Piece& piece : pieces) script.say(piece.direction, std::as_bytes(std::span(piece.bytes)));
    feed(script.close());
    engine_->finish(last_);
    ASSERT_EQ(sink_.summaries.size(), 1U) << cut;
    EXPECT_EQ(sink_.summaries[0].path, "/orders/17");
    EXPECT_EQ(count(Counter::kDecrypted), 1U);
    EXPECT_EQ(count(Counter::kCleartext), 0U);
  }
}

}  // namespace
}  // namespace tidegate::inspect
