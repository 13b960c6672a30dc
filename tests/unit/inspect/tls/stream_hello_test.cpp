// SPDX-License-Identifier: Apache-2.0
// A ClientHello that was lost though the connection's beginning was seen: the server is heard first, then the gap.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/inspect/tls/feed.hpp"

namespace tidegate::inspect::test {
namespace {

using std::chrono::seconds;

class MissedHelloTest : public ::testing::TestWithParam<int> {
 protected:
  static Transcript conversation(const std::function<void(SSL_CTX*, SSL_CTX*)>& configure = {}) {
    Peers peers({.version = GetParam(), .configure = configure});
    peers.connect();
    EXPECT_TRUE(peers.handshake());
    for (int i = 0; i < 3; ++i) {
      peers.say(kToServer, "question " + std::to_string(i));
      peers.say(kToClient, "answer " + std::string(2000, 'a'));
    }
    return peers.transcript();
  }
  static const std::string& hello_of(const Transcript& transcript) { return transcript.pieces[0].bytes; }

  void data(TlsStream& stream, const Piece& piece) {
    bench_.now += std::chrono::milliseconds(1);
    stream.data(piece.direction, bytes_of(piece.bytes), bench_.now);
  }
  // All but the ClientHello, of which [from, from + size) is lost; that shows when the client says more.
  void feed_without(TlsStream& stream, const Transcript& transcript, std::size_t from, std::size_t size) {
    const Bytes hello = bytes_of(hello_of(transcript));
    if (from > 0) stream.data(kToServer, hello.first(from), bench_.now);
    const auto second = std::find_if(transcript.pieces.begin() + 1, transcript.pieces.end(),
                                     [](const Piece& piece) { return piece.direction == kToServer; });
    for (auto piece = transcript.pieces.begin() + 1; piece != second; ++piece) data(stream, *piece);
    stream.gap(kToServer, size, bench_.now);
    if (from + size < hello.size()) stream.data(kToServer, hello.subspan(from + size), bench_.now);
    for (auto piece = second; piece != transcript.pieces.end(); ++piece) data(stream, *piece);
  }
  void expect_read(const Transcript& transcript) const {
    EXPECT_EQ(bench_.reader.heard[0], transcript.said[0]);
    EXPECT_EQ(bench_.reader.heard[1], transcript.said[1]);
    EXPECT_TRUE(bench_.reader.gaps[0].empty());
    EXPECT_FALSE(bench_.reader.misused);
    EXPECT_EQ(bench_.counters.of(Counter::kDecrypted), 1U);
    EXPECT_EQ(bench_.counters.of(Counter::kNoKey), 0U);
    EXPECT_EQ(bench_.counters.of(Counter::kMalformedTls), 0U);
  }

  Bench bench_;
};

TEST_P(MissedHelloTest, IsFoundByItsEndpoints) {
  const Transcript transcript = conversation();
  bench_.add_keys(transcript, {}, Bench::extension(0));
  auto stream = bench_.stream();
  feed_without(*stream, transcript, 0, hello_of(transcript).size());
  expect_read(transcript);
  EXPECT_EQ(bench_.reader.alpn, "http/1.1") << "the server tells it";
  EXPECT_EQ(bench_.reader.sni, "");
}

TEST_P(MissedHelloTest, AnyPartOfItMayBeMissing) {
  const Transcript transcript = conversation();
  const std::size_t size = hello_of(transcript).size();
  for (const auto& [from, lost] :
       {std::pair(0UL, 3UL), {0UL, 100UL}, {2UL, 20UL}, {5UL, 1UL}, {60UL, 40UL}, {100UL, size - 100}}) {
    Bench fresh;
    fresh.add_keys(transcript, {}, Bench::extension(0));
    auto stream = fresh.stream();
    const Bytes hello = bytes_of(hello_of(transcript));
    stream->data(kToServer, hello.first(from), {});
    stream->gap(kToServer, lost, {});
    stream->data(kToServer, hello.subspan(from + lost), {});
    for (std::size_t i = 1; i < transcript.pieces.size(); ++i)
      stream->data(transcript.pieces[i].direction, bytes_of(transcript.pieces[i].bytes), {});
    EXPECT_EQ(fresh.reader.heard[0], transcript.said[0]) << from << " " << lost;
    EXPECT_EQ(fresh.reader.heard[1], transcript.said[1]) << from << " " << lost;
  }
}

TEST_P(MissedHelloTest, AHoleAfterTheServerHello) {
  const Transcript transcript = conversation();
  bench_.add_keys(transcript, {}, Bench::extension(0));
  auto stream = bench_.stream();
  feed_without(*stream, transcript, 100, 50);
  expect_read(transcript);
}

TEST_P(MissedHelloTest, KeysMayComeLate) {
  const Transcript transcript = conversation();
  auto stream = bench_.stream();
  feed_without(*stream, transcript, 0, hello_of(transcript).size());
  ASSERT_EQ(stream->state(), TlsState::kWaiting);
  EXPECT_FALSE(stream->waits_for()) << "its random is not known";
  bench_.add_keys(transcript, {}, Bench::extension(0));
  stream->keys_arrived(bench_.now);
  expect_read(transcript);
}

TEST_P(MissedHelloTest, WithoutEndpointsInTheKeyLinesItIsCounted) {
  const Transcript transcript = conversation();
  bench_.add_keys(transcript);
  auto stream = bench_.stream();
  feed_without(*stream, transcript, 0, hello_of(transcript).size());
  stream->tick(bench_.now + seconds(5));
  EXPECT_EQ(stream->state(), TlsState::kNoKey);
  EXPECT_EQ(bench_.counters.of(Counter::kNoKey), 1U);
  EXPECT_EQ(bench_.reader.establishments, 0);
  stream.reset();
  EXPECT_EQ(bench_.counters.of(Counter::kNoKey), 1U);
  EXPECT_EQ(bench_.budget.used(), 0U);
}

// No segment after the gap begins with a record.
TEST_P(MissedHelloTest, AClientThatIsNeverTakenUpAgainIsCounted) {
  auto stream = bench_.stream();
  stream->gap(kToServer, 500, {});
  stream->data(kToServer, bytes_of("the middle of a record"), {});
  stream->gap(kToServer, 0, {});
  stream.reset();
  EXPECT_EQ(bench_.counters.of(Counter::kNoKey), 1U);
  EXPECT_EQ(bench_.budget.used(), 0U);
}

// All of the client's handshake, and the first of what it asks.
TEST_P(MissedHelloTest, WithoutTheClientsHandshakeItIsCountedAndNotBlamed) {
  const Transcript transcript = conversation();
  bench_.add_keys(transcript, {}, Bench::extension(0));
  auto stream = bench_.stream();
  std::size_t from_client = 0;
  for (const Piece& piece : transcript.pieces) {
    if (piece.direction == kToServer && ++from_client <= 3) {
      stream->gap(kToServer, piece.bytes.size(), bench_.now);
    } else {
      data(*stream, piece);
    }
  }
  stream->tick(bench_.now + seconds(5));
  stream.reset();
  EXPECT_EQ(bench_.counters.of(Counter::kNoKey), 1U);
  EXPECT_EQ(bench_.counters.of(Counter::kMalformedTls), 0U);
}

TEST_P(MissedHelloTest, AHelloThatWasCapturedAfterItsAnswer) {
  Transcript transcript = conversation();
  ASSERT_EQ(transcript.pieces[1].direction, kToClient);
  std::swap(transcript.pieces[0], transcript.pieces[1]);
  bench_.add_keys(transcript, {}, Bench::extension(0));
  auto stream = bench_.stream();
  bench_.feed(*stream, transcript);
  expect_read(transcript);
}

INSTANTIATE_TEST_SUITE_P(Versions, MissedHelloTest, ::testing::Values(TLS1_3_VERSION, TLS1_2_VERSION));

// libssl takes 131,396 bytes.
TEST(LongHelloTest, IsReadAsItsServerReadsIt) {
  static const std::string padding(65'300, '\0');
  const auto add = [](SSL*, unsigned, unsigned, const unsigned char** out, std::size_t* size, X509*, std::size_t, int*,
                      void*) {
    *out = reinterpret_cast<const unsigned char*>(padding.data());
    *size = padding.size();
    return 1;
  };
  Peers peers({.configure = [&](SSL_CTX* client, SSL_CTX*) {
    ASSERT_EQ(SSL_CTX_add_custom_ext(client, 0xfe00, SSL_EXT_CLIENT_HELLO, add, nullptr, nullptr, nullptr, nullptr), 1);
  }});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  ASSERT_GT(peers.transcript().pieces[0].bytes.size(), 65'570U) << "with the headers of five records";
  peers.say(kToServer, "question");
  peers.say(kToClient, "answer");
  Bench bench;
  bench.add_keys(peers.transcript());
  auto stream = bench.stream();
  bench.feed(*stream, peers.transcript(), 1460);
  EXPECT_EQ(bench.reader.heard[0], "question");
  EXPECT_EQ(bench.reader.heard[1], "answer");
  EXPECT_EQ(bench.reader.sni, "test.example");
  stream.reset();
  EXPECT_EQ(bench.budget.used(), 0U);
}

// The second ClientHello has the random too.
TEST(MissedFirstHelloTest, OfTwo) {
  Peers peers({.configure = [](SSL_CTX* client, SSL_CTX* server) {
    SSL_CTX_set1_groups_list(client, "X25519:P-256");
    SSL_CTX_set1_groups_list(server, "P-256");
  }});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  peers.say(kToServer, "question");
  peers.say(kToClient, "answer");
  Bench bench;
  bench.add_keys(peers.transcript());
  auto stream = bench.stream();
  const auto& pieces = peers.transcript().pieces;
  stream->data(kToClient, bytes_of(pieces[1].bytes), {});
  stream->gap(kToServer, pieces[0].bytes.size(), {});
  for (std::size_t i = 2; i < pieces.size(); ++i) stream->data(pieces[i].direction, bytes_of(pieces[i].bytes), {});
  EXPECT_EQ(bench.reader.heard[0], "question");
  EXPECT_EQ(bench.reader.heard[1], "answer");
  EXPECT_EQ(bench.reader.sni, "test.example");
  EXPECT_EQ(bench.reader.ja4, "") << "that would be the first one's";
}

}  // namespace
}  // namespace tidegate::inspect::test
