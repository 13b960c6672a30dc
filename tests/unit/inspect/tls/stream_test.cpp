// SPDX-License-Identifier: Apache-2.0
// What TLS can do beside a plain handshake.
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/inspect/tls/hello.hpp"
#include "tests/unit/inspect/tls/feed.hpp"

namespace tidegate::inspect::test {
namespace {

// Feeds `transcript` in several cuts and expects what was said to come out.
void expect_plaintext(const Transcript& transcript, std::uint64_t keys_late = 0) {
  for (const std::size_t step : {0UL, 1UL, 100UL}) {
    Bench bench;
    bench.add_keys(transcript);
    auto stream = bench.stream();
    bench.feed(*stream, transcript, step);
    ASSERT_EQ(bench.reader.heard[0], transcript.said[0]) << step;
    ASSERT_EQ(bench.reader.heard[1], transcript.said[1]) << step;
    EXPECT_FALSE(bench.reader.misused);
    EXPECT_EQ(bench.reader.ends[0].size(), 1U);
    EXPECT_EQ(bench.reader.ends[1].size(), 1U);
    EXPECT_TRUE(bench.reader.gaps[0].empty());
    EXPECT_TRUE(bench.reader.gaps[1].empty());
    EXPECT_EQ(bench.counters.of(Counter::kKeysLate), keys_late);
    EXPECT_EQ(bench.counters.of(Counter::kNoKey), 0U);
    EXPECT_EQ(bench.counters.of(Counter::kMalformedTls), 0U);
    stream.reset();
    EXPECT_EQ(bench.budget.used(), 0U);
  }
}

void talk(Peers& peers) {
  peers.say(kToServer, "GET / HTTP/1.1\r\n\r\n");
  peers.say(kToClient, "HTTP/1.1 200 OK\r\n\r\n" + std::string(3000, 'x'));
  peers.say(kToServer, "GET /2 HTTP/1.1\r\n\r\n");
}

TEST(TlsStreamTest, HelloRetryRequest) {
  Peers peers({.configure = [](SSL_CTX* client, SSL_CTX* server) {
    SSL_CTX_set1_groups_list(client, "X25519:P-256");
    SSL_CTX_set1_groups_list(server, "P-256");
  }});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  talk(peers);
  std::size_t from_client = 0;
  for (const Piece& piece : peers.transcript().pieces) from_client += piece.direction == kToServer ? 1 : 0;
  ASSERT_GE(from_client, 4U) << "there was no second ClientHello";
  expect_plaintext(peers.transcript());
}

TEST(TlsStreamTest, TheFingerprintIsThatOfTheFirstHello) {
  Peers peers({.configure = [](SSL_CTX* client, SSL_CTX* server) {
    SSL_CTX_set1_groups_list(client, "X25519:P-256");
    SSL_CTX_set1_groups_list(server, "P-256");
  }});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  talk(peers);
  Transcript transcript = peers.transcript();
  std::string& first = transcript.pieces[0].bytes;
  constexpr std::size_t kFirstCipher = 5 + 4 + 2 + 32 + 33 + 2;
  first[kFirstCipher] ^= 1;
  const auto hello = read_client_hello(bytes_of(first).subspan(9));
  ASSERT_TRUE(hello);
  Bench bench;
  bench.add_keys(transcript);
  auto stream = bench.stream();
  bench.feed(*stream, transcript);
  EXPECT_EQ(bench.reader.ja4, hello->ja4);
  EXPECT_EQ(bench.reader.heard[1], transcript.said[1]);
}

class ResumptionTest : public ::testing::TestWithParam<std::pair<int, std::uint64_t>> {};

TEST_P(ResumptionTest, KeysOfTheNewConnectionAreEnough) {
  const auto [version, options] = GetParam();
  Peers peers({.version = version,
               .configure = [options = options](SSL_CTX*, SSL_CTX* server) { SSL_CTX_set_options(server, options); }});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  talk(peers);
  peers.close();
  peers.connect(true);
  ASSERT_TRUE(peers.handshake());
  ASSERT_EQ(SSL_session_reused(peers.server()), 1);
  talk(peers);
  peers.close();
  expect_plaintext(peers.transcript());
}

INSTANTIATE_TEST_SUITE_P(All, ResumptionTest,
                         ::testing::Values(std::pair(TLS1_3_VERSION, 0ULL), std::pair(TLS1_2_VERSION, 0ULL),
                                           std::pair(TLS1_2_VERSION, std::uint64_t{SSL_OP_NO_TICKET})));

TEST(TlsStreamTest, KeyUpdateInBothDirections) {
  Peers peers({});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  talk(peers);
  peers.update_key(kToServer, false);
  talk(peers);
  peers.update_key(kToClient, true);
  talk(peers);
  for (int i = 0; i < 5; ++i) peers.update_key(kToServer, true);
  talk(peers);
  expect_plaintext(peers.transcript());
}

TEST(TlsStreamTest, RenegotiationTakesNewKeys) {
  for (const char* suite : {"ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA256"}) {
    Peers peers({.version = TLS1_2_VERSION, .suites = suite, .configure = [](SSL_CTX*, SSL_CTX* server) {
                   SSL_CTX_set_options(server, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
                 }});
    peers.connect();
    ASSERT_TRUE(peers.handshake());
    talk(peers);
    ASSERT_TRUE(peers.renegotiate());
    talk(peers);
    ASSERT_TRUE(peers.renegotiate());
    talk(peers);
    ASSERT_EQ(peers.transcript().keys.size(), 3U);
    expect_plaintext(peers.transcript());
  }
}

TEST(TlsStreamTest, PaddedRecords) {
  Peers peers({.configure = [](SSL_CTX* client, SSL_CTX* server) {
    for (SSL_CTX* context : {client, server}) {
      SSL_CTX_set_record_padding_callback(context,
                                          [](SSL*, int, std::size_t size, void*) { return 1000 - size % 1000; });
    }
  }});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  talk(peers);
  expect_plaintext(peers.transcript());
}

TEST(TlsStreamTest, PaddedRecordsAreSkippedExactly) {
  Peers peers({.configure = [](SSL_CTX*, SSL_CTX* server) { SSL_CTX_set_block_padding(server, 512); }});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  peers.say(kToClient, "head");
  for (int i = 0; i < 100; ++i) peers.say(kToClient, std::string(500 + static_cast<std::size_t>(i), 'b'));
  const std::size_t body = peers.transcript().said[1].size() - 4;
  peers.say(kToClient, "next");
  Bench bench;
  bench.add_keys(peers.transcript());
  auto stream = bench.stream();
  for (const Piece& piece : peers.transcript().pieces) {
    stream->data(piece.direction, bytes_of(piece.bytes), bench.now);
    if (bench.reader.heard[1] == "head") bench.reader.ignored[1] = body;
  }
  EXPECT_EQ(bench.reader.heard[1].size(), peers.transcript().said[1].size());
  EXPECT_TRUE(bench.reader.heard[1].ends_with("next"));
  EXPECT_FALSE(bench.reader.misused);
  EXPECT_GT(bench.counters.of(Counter::kSkippedBytes), 0U);
}

TEST(TlsStreamTest, SmallFragments) {
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    Peers peers({.version = version, .configure = [](SSL_CTX* client, SSL_CTX* server) {
                   SSL_CTX_set_max_send_fragment(client, 512);
                   SSL_CTX_set_max_send_fragment(server, 512);
                 }});
    peers.connect();
    ASSERT_TRUE(peers.handshake());
    talk(peers);
    peers.say(kToClient, std::string(20'000, 'z'));
    expect_plaintext(peers.transcript());
  }
}

TEST(TlsStreamTest, OrderBetweenDirectionsIsKept) {
  Peers peers({});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  for (int i = 0; i < 10; ++i) {
    peers.say(kToServer, "question");
    peers.say(kToClient, "answer");
  }
  Bench bench;
  bench.add_keys(peers.transcript());
  auto stream = bench.stream();
  bench.feed(*stream, peers.transcript());
  ASSERT_EQ(bench.reader.order.size(), 20U);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(bench.reader.order[i], i % 2 == 0 ? kToServer : kToClient);
}

class EarlyDataTest : public ::testing::Test {
 protected:
  static void configure(SSL_CTX* client, SSL_CTX* server, bool accept) {
    SSL_CTX_set_max_early_data(client, 16384);
    SSL_CTX_set_max_early_data(server, 16384);
    SSL_CTX_set_options(server, SSL_OP_NO_ANTI_REPLAY);
    if (!accept)
      SSL_CTX_set_allow_early_data_cb(
          server, [](SSL*, void*) { return 0; }, nullptr);
  }
  static Transcript record(bool accept) {
    Peers peers({.configure = [accept](SSL_CTX* client, SSL_CTX* server) { configure(client, server, accept); }});
    peers.connect();
    EXPECT_TRUE(peers.handshake());
    talk(peers);
    peers.close();
    peers.connect(true);
    EXPECT_TRUE(peers.handshake("GET /early HTTP/1.1\r\n\r\n"));
    EXPECT_EQ(peers.early_data_accepted(), accept);
    talk(peers);
    peers.close();
    return peers.transcript();
  }
};

TEST_F(EarlyDataTest, AcceptedIsRead) {
  const Transcript transcript = record(true);
  ASSERT_TRUE(transcript.said[0].starts_with("GET /early"));
  expect_plaintext(transcript);
}

TEST_F(EarlyDataTest, RejectedIsNotReported) {
  const Transcript transcript = record(false);
  ASSERT_FALSE(transcript.said[0].starts_with("GET /early"));
  expect_plaintext(transcript);
}

TEST_F(EarlyDataTest, RejectedAfterHelloRetryRequestIsNotReported) {
  Peers peers({.configure = [](SSL_CTX* client, SSL_CTX* server) { configure(client, server, true); }});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  talk(peers);
  peers.close();
  peers.connect(true);
  SSL_set1_groups_list(peers.client(), "X25519:P-256");
  SSL_set1_groups_list(peers.server(), "P-256");
  ASSERT_TRUE(peers.handshake("GET /early HTTP/1.1\r\n\r\n"));
  ASSERT_FALSE(peers.early_data_accepted());
  talk(peers);
  expect_plaintext(peers.transcript());
}

TEST_F(EarlyDataTest, EstablishedKnowsTheAlpnBeforeTheEarlyRequest) {
  const Transcript transcript = record(true);
  Bench bench;
  bench.add_keys(transcript);
  auto stream = bench.stream();
  bench.feed(*stream, transcript);
  EXPECT_EQ(bench.reader.alpn, "http/1.1");
  EXPECT_EQ(bench.reader.order.front(), kToServer);
}

// What waits for the server's word goes on with it, not with the next packet.
TEST_F(EarlyDataTest, IsReadAsSoonAsTheServerAccepts) {
  Transcript transcript = record(true);
  const auto answer = std::ranges::find(transcript.pieces, kToClient, &Piece::direction);
  ASSERT_NE(answer, transcript.pieces.end());
  transcript.pieces.erase(answer + 1, transcript.pieces.end());
  Bench bench;
  bench.add_keys(transcript);
  auto stream = bench.stream();
  bench.feed(*stream, transcript, 0, false);
  EXPECT_EQ(bench.reader.heard[0], "GET /early HTTP/1.1\r\n\r\n");
  EXPECT_EQ(stream->state(), TlsState::kDecrypting);
}

// The server does not know the ticket any more: a full handshake, and nothing of the early data counts.
TEST_F(EarlyDataTest, RejectedByAFullHandshake) {
  Peers peers({.configure = [](SSL_CTX* client, SSL_CTX* server) { configure(client, server, true); }});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  talk(peers);
  peers.close();
  peers.connect(true);
  SSL_CTX* server = SSL_get_SSL_CTX(peers.server());
  std::string ticket_keys(static_cast<std::size_t>(SSL_CTX_set_tlsext_ticket_keys(server, nullptr, 0)), 'k');
  ASSERT_EQ(SSL_CTX_set_tlsext_ticket_keys(server, ticket_keys.data(), ticket_keys.size()), 1);
  ASSERT_TRUE(peers.handshake("GET /early HTTP/1.1\r\n\r\n"));
  ASSERT_EQ(SSL_session_reused(peers.server()), 0);
  talk(peers);
  expect_plaintext(peers.transcript());
  Bench bench;
  bench.add_keys(peers.transcript(), "CLIENT_TRAFFIC");
  bench.add_keys(peers.transcript(), "SERVER_TRAFFIC");
  auto stream = bench.stream();
  bench.feed(*stream, peers.transcript());
  EXPECT_EQ(bench.reader.heard[0], peers.transcript().said[0]);
  EXPECT_EQ(bench.reader.heard[1], peers.transcript().said[1]);
}

// A connection that closes before the client's Finished: the server never had CLIENT_TRAFFIC_SECRET_0.
TEST_F(EarlyDataTest, WithoutTheClientsTrafficSecret) {
  Transcript transcript = record(true);
  std::erase_if(transcript.keys, [](const std::string& line) { return line.starts_with("CLIENT_TRAFFIC"); });
  Bench bench;
  bench.add_keys(transcript);
  auto stream = bench.stream();
  bench.feed(*stream, transcript);
  stream->tick(bench.now + std::chrono::seconds(5));
  EXPECT_EQ(bench.reader.heard[0], "GET /early HTTP/1.1\r\n\r\n");
  EXPECT_EQ(bench.reader.heard[1], transcript.said[1]);
  EXPECT_EQ(bench.reader.gaps[0], std::vector<std::uint64_t>{0});
  EXPECT_EQ(bench.counters.of(Counter::kNoKey), 1U);
}

TEST_F(EarlyDataTest, WithoutTheEarlySecretTheRestIsRead) {
  Transcript transcript = record(true);
  std::erase_if(transcript.keys, [](const std::string& line) { return line.starts_with("CLIENT_EARLY"); });
  Bench bench;
  bench.add_keys(transcript);
  auto stream = bench.stream();
  bench.feed(*stream, transcript);
  EXPECT_EQ(stream->state(), TlsState::kWaiting);
  stream->tick(bench.now + std::chrono::seconds(5));
  EXPECT_EQ(bench.reader.heard[1], transcript.said[1]);
  EXPECT_EQ("GET /early HTTP/1.1\r\n\r\n" + bench.reader.heard[0], transcript.said[0]);
}

TEST(TlsStreamTest, AFatalAlertIsAReset) {
  Peers peers({.version = TLS1_2_VERSION});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  talk(peers);
  Transcript transcript = peers.transcript();
  Bench bench;
  bench.add_keys(transcript);
  auto stream = bench.stream();
  bench.feed(*stream, transcript, 0, false);
  stream->end(kToServer, StreamEnd::kReset, bench.now);
  stream->end(kToClient, StreamEnd::kReset, bench.now);
  stream->end(kToClient, StreamEnd::kFinished, bench.now);
  EXPECT_EQ(bench.reader.ends[1], std::vector{StreamEnd::kReset});
  EXPECT_FALSE(bench.reader.misused);
}

// One byte that servers ignore (RFC 8446, 5.1) must not hide a connection.
TEST(TlsStreamTest, AFirstRecordOfAVersionThatDoesNotExist) {
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    for (const char minor : {'\x00', '\x05', '\x7f', '\xff'}) {
      Peers peers({.version = version});
      peers.connect();
      peers.alter_next = [minor](std::string& bytes) { bytes.at(2) = minor; };
      ASSERT_TRUE(peers.handshake()) << "libssl does not accept it";
      talk(peers);
      ASSERT_EQ(peers.transcript().pieces[0].bytes[2], minor);
      ASSERT_TRUE(looks_like_tls(bytes_of(peers.transcript().pieces[0].bytes)));
      expect_plaintext(peers.transcript());
    }
  }
}

TEST(TlsStreamTest, LooksLikeTls) {
  EXPECT_TRUE(looks_like_tls(bytes_of("\x16")));
  EXPECT_TRUE(looks_like_tls(bytes_of("\x16\x03\x01")));
  EXPECT_TRUE(looks_like_tls(bytes_of("\x16\x03\x05")));
  EXPECT_TRUE(looks_like_tls(bytes_of(std::string("\x16\x03\xff\x02\x00", 5))));
  EXPECT_TRUE(looks_like_tls(bytes_of(std::string("\x17\x03\x03\x00\x20", 5))));
  EXPECT_FALSE(looks_like_tls(bytes_of("GET / HTTP/1.1")));
  EXPECT_FALSE(looks_like_tls(bytes_of("PRI * HTTP/2.0")));
  EXPECT_FALSE(looks_like_tls(bytes_of("\x16\x02")));
  EXPECT_FALSE(looks_like_tls(bytes_of("\x16\x03\x01\xff\xff")));
  EXPECT_FALSE(looks_like_tls({}));
}

}  // namespace
}  // namespace tidegate::inspect::test
