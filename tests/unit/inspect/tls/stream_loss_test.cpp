// SPDX-License-Identifier: Apache-2.0
// Bytes that were lost, and bytes that no peer would send.
#include <gtest/gtest.h>

#include "tests/unit/inspect/tls/feed.hpp"

namespace tidegate::inspect::test {
namespace {

struct Case {
  const char* name;
  int version;
  const char* suites;
};

class LossTest : public ::testing::TestWithParam<Case> {
 protected:
  LossTest() : peers_({.version = GetParam().version, .suites = GetParam().suites}) {
    peers_.connect();
    EXPECT_TRUE(peers_.handshake());
    peers_.say(kToServer, "GET /");
    before_ = peers_.transcript().pieces.size();
    peers_.say(kToClient, std::string(5000, 'a'));
    peers_.say(kToClient, "next");
    bench_.add_keys(peers_.transcript());
    stream_ = bench_.stream();
    for (std::size_t i = 0; i < before_; ++i) {
      const Piece& piece = peers_.transcript().pieces[i];
      stream_->data(piece.direction, bytes_of(piece.bytes), {});
    }
  }

  Bytes large() const { return bytes_of(peers_.transcript().pieces[before_].bytes); }
  Bytes next() const { return bytes_of(peers_.transcript().pieces[before_ + 1].bytes); }
  // Feeds the large record with [from, from + size) of it lost, and the next one.
  void lose(std::size_t from, std::size_t size) {
    stream_->data(kToClient, large().first(from), {});
    stream_->gap(kToClient, size, {});
    stream_->data(kToClient, large().subspan(from + size), {});
    stream_->data(kToClient, next(), {});
  }

  Peers peers_;
  std::size_t before_ = 0;
  Bench bench_;
  std::unique_ptr<TlsStream> stream_;
};

TEST_P(LossTest, AHoleInsideARecordCostsThatRecordOnly) {
  lose(1000, 1448);
  EXPECT_EQ(bench_.reader.heard[1], std::string(5000, '?') + "next");
  EXPECT_EQ(bench_.reader.gaps[1], std::vector<std::uint64_t>{5000}) << "its size is known";
  EXPECT_EQ(stream_->state(), TlsState::kDecrypting);
}

TEST_P(LossTest, AHoleUpToTheRecordsEndToo) {
  lose(4000, large().size() - 4000);
  EXPECT_TRUE(bench_.reader.heard[1].ends_with("next"));
  // Only TLS 1.2 with an AEAD tells the size without the record's last bytes.
  const std::uint64_t size = std::string(GetParam().name) == "Gcm12" ? 5000 : 0;
  EXPECT_EQ(bench_.reader.gaps[1], std::vector<std::uint64_t>{size});
}

TEST_P(LossTest, SeveralHolesInOneRecord) {
  stream_->data(kToClient, large().first(100), {});
  stream_->gap(kToClient, 100, {});
  stream_->data(kToClient, large().subspan(200, 1000), {});
  stream_->gap(kToClient, 500, {});
  stream_->data(kToClient, large().subspan(1700), {});
  stream_->data(kToClient, next(), {});
  EXPECT_EQ(bench_.reader.heard[1], std::string(5000, '?') + "next");
}

// The other direction has its own keys and numbers.
TEST_P(LossTest, AHoleWithUnknownBoundsEndsItsDirectionOnly) {
  lose(0, large().size());
  EXPECT_EQ(bench_.reader.heard[1], "");
  EXPECT_EQ(bench_.reader.gaps[1], std::vector<std::uint64_t>{0});
  EXPECT_EQ(stream_->ignores(kToClient), ~0ULL);
  EXPECT_EQ(stream_->ignores(kToServer), 0U);
  peers_.say(kToServer, "GET /again");
  stream_->data(kToServer, bytes_of(peers_.transcript().pieces.back().bytes), {});
  EXPECT_EQ(bench_.reader.heard[0], "GET /GET /again");
  stream_->end(kToClient, StreamEnd::kEvicted, {});
  EXPECT_EQ(bench_.reader.ends[1], std::vector{StreamEnd::kEvicted});
  EXPECT_FALSE(bench_.reader.misused);
}

TEST_P(LossTest, BothDirectionsLostAreTheEnd) {
  stream_->gap(kToServer, 1, {});
  EXPECT_EQ(stream_->state(), TlsState::kDecrypting);
  stream_->gap(kToClient, 1, {});
  EXPECT_EQ(stream_->state(), TlsState::kFailed);
  EXPECT_EQ(bench_.reader.gaps[0].size(), 1U);
  EXPECT_EQ(bench_.reader.gaps[1].size(), 1U);
  EXPECT_EQ(bench_.reader.ends[0], std::vector{StreamEnd::kEvicted});
  EXPECT_EQ(bench_.reader.ends[1], std::vector{StreamEnd::kEvicted});
  EXPECT_FALSE(bench_.reader.misused);
}

TEST_P(LossTest, AHoleOfUnknownSizeEndsItsDirection) {
  stream_->data(kToClient, large().first(1000), {});
  stream_->gap(kToClient, 0, {});
  EXPECT_EQ(stream_->ignores(kToClient), ~0ULL);
  EXPECT_EQ(stream_->state(), TlsState::kDecrypting);
}

TEST_P(LossTest, AHoleInTheHandshakeIsTheEnd) {
  Bench other;
  other.add_keys(peers_.transcript());
  auto stream = other.stream();
  stream->data(kToServer, bytes_of(peers_.transcript().pieces[0].bytes), {});
  stream->gap(kToClient, 100, {});
  EXPECT_EQ(stream->state(), TlsState::kFailed);
  EXPECT_EQ(other.reader.establishments, 0);
}

TEST_P(LossTest, AnAlteredRecordEndsItsDirectionAndIsCounted) {
  std::string altered(reinterpret_cast<const char*>(large().data()), large().size());
  altered[altered.size() / 2] ^= 1;
  stream_->data(kToClient, bytes_of(altered), {});
  EXPECT_EQ(stream_->ignores(kToClient), ~0ULL);
  EXPECT_EQ(bench_.counters.of(Counter::kDecryptFailed), 1U);
  EXPECT_EQ(bench_.reader.heard[1], "");
}

TEST_P(LossTest, LossWhileKeysAreWaitedForIsReplayedInItsPlace) {
  Bench late;
  auto stream = late.stream();
  for (std::size_t i = 0; i < before_; ++i) {
    const Piece& piece = peers_.transcript().pieces[i];
    stream->data(piece.direction, bytes_of(piece.bytes), {});
  }
  stream->data(kToClient, large().first(1000), {});
  stream->gap(kToClient, 1000, {});
  stream->data(kToClient, large().subspan(2000), {});
  stream->data(kToClient, next(), {});
  late.add_keys(peers_.transcript());
  stream->keys_arrived({});
  EXPECT_EQ(late.reader.heard[0], "GET /");
  EXPECT_EQ(late.reader.heard[1], std::string(5000, '?') + "next");
}

// The connection ends while what waited is replayed.
TEST_P(LossTest, LossThatEndsTheConnectionWhileItWaits) {
  Bench late;
  auto stream = late.stream();
  for (std::size_t i = 0; i < before_; ++i) {
    const Piece& piece = peers_.transcript().pieces[i];
    stream->data(piece.direction, bytes_of(piece.bytes), {});
  }
  ASSERT_EQ(stream->state(), TlsState::kWaiting);
  stream->gap(kToServer, 0, {});
  stream->gap(kToClient, 0, {});
  stream->data(kToClient, next(), {});
  late.add_keys(peers_.transcript());
  stream->keys_arrived({});
  EXPECT_EQ(stream->state(), TlsState::kFailed);
  EXPECT_FALSE(late.reader.misused);
  stream.reset();
  EXPECT_EQ(late.budget.used(), 0U);
}

INSTANTIATE_TEST_SUITE_P(All, LossTest,
                         ::testing::Values(Case{"Gcm13", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256"},
                                           Case{"ChaCha13", TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256"},
                                           Case{"Ccm13", TLS1_3_VERSION, "TLS_AES_128_CCM_SHA256"},
                                           Case{"Gcm12", TLS1_2_VERSION, "ECDHE-RSA-AES256-GCM-SHA384"},
                                           Case{"Cbc12", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA256"}),
                         [](const auto& one) { return std::string(one.param.name); });

// What was lost was a session ticket: no byte of the application is missing.
TEST(LossOfHandshakeTest, IsNoGap) {
  Peers peers({});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  peers.say(kToClient, "first");
  const std::size_t before = peers.transcript().pieces.size();
  ASSERT_EQ(SSL_new_session_ticket(peers.server()), 1);
  peers.say(kToClient, "second");
  Bench bench;
  bench.add_keys(peers.transcript());
  auto stream = bench.stream();
  for (std::size_t i = 0; i < peers.transcript().pieces.size(); ++i) {
    const Bytes bytes = bytes_of(peers.transcript().pieces[i].bytes);
    const Direction direction = peers.transcript().pieces[i].direction;
    if (i != before) {
      stream->data(direction, bytes, {});
      continue;
    }
    ASSERT_GT(bytes.size(), 100U);
    stream->data(direction, bytes.first(20), {});
    stream->gap(direction, 10, {});
    stream->data(direction, bytes.subspan(30), {});
  }
  EXPECT_EQ(bench.reader.heard[1], "firstsecond");
  EXPECT_TRUE(bench.reader.gaps[1].empty());
}

class HostileTest : public ::testing::Test {
 protected:
  void expect_malformed(const std::string& bytes, Direction direction = kToServer) {
    for (const std::size_t step : {0UL, 1UL}) {
      Bench bench;
      auto stream = bench.stream();
      bench.feed(*stream, {.pieces = {{direction, bytes}}}, step);
      EXPECT_EQ(stream->state(), TlsState::kFailed);
      EXPECT_EQ(bench.counters.of(Counter::kMalformedTls), 1U);
      EXPECT_EQ(bench.reader.establishments, 0);
      EXPECT_LE(bench.budget.used(), 16U << 10);
      stream.reset();
      EXPECT_EQ(bench.budget.used(), 0U);
    }
  }
  static std::string record(char type, const std::string& body) {
    return std::string{type, 3, 3, static_cast<char>(body.size() >> 8), static_cast<char>(body.size())} + body;
  }
};

TEST_F(HostileTest, RecordsThatAreNone) {
  expect_malformed(std::string("\x16\x03\x03\xff\xff", 5) + "x");
  expect_malformed(record('\x42', "x"));
  expect_malformed("GET / HTTP/1.1\r\n\r\n");
  expect_malformed(record(23, "data before any handshake"), kToClient);
}

TEST_F(HostileTest, HellosThatAreNone) {
  expect_malformed(record(22, std::string("\x01\x00\x00\x04", 4) + "junk"));
  expect_malformed(record(22, std::string("\x02\x00\x00\x04", 4) + "junk"), kToClient);
  expect_malformed(record(22, std::string("\x01\x02\x01\x45", 4)));  // one byte beyond what OpenSSL takes
}

TEST_F(HostileTest, PlainHandshakesAmongEncryptedRecords) {
  Peers peers({});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  peers.say(kToServer, "hello");
  for (const std::string& bytes :
       {record(22, std::string("\x14\x00\x00\x00", 4)), record(23, std::string((1 << 14) + 257, 'x'))}) {
    Bench bench;
    bench.add_keys(peers.transcript());
    auto stream = bench.stream();
    bench.feed(*stream, peers.transcript(), 0, false);
    ASSERT_EQ(stream->state(), TlsState::kDecrypting);
    stream->data(kToServer, bytes_of(bytes), {});
    EXPECT_EQ(stream->state(), TlsState::kFailed);
    EXPECT_EQ(bench.counters.of(Counter::kMalformedTls), 1U);
  }
}

// A client begins anew before the server's first encrypted record.
TEST_F(HostileTest, ARenegotiationThatOvertakesTheHandshake) {
  Peers peers({.version = TLS1_2_VERSION, .configure = [](SSL_CTX*, SSL_CTX* server) {
                 SSL_CTX_set_options(server, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
               }});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  const std::size_t handshake = peers.transcript().pieces.size();
  ASSERT_TRUE(peers.renegotiate());
  Transcript transcript = peers.transcript();
  std::string& last = transcript.pieces[handshake - 1].bytes;
  const std::string change = record(20, "\x01");
  ASSERT_EQ(transcript.pieces[handshake - 1].direction, kToClient);
  ASSERT_NE(last.find(change), std::string::npos);
  last.resize(last.find(change) + change.size());
  Bench bench;
  bench.add_keys(transcript);
  auto stream = bench.stream();
  bench.feed(*stream, transcript);
  EXPECT_EQ(stream->state(), TlsState::kFailed);
  EXPECT_EQ(bench.counters.of(Counter::kMalformedTls), 1U);
}

// 16 MiB are announced; nothing is kept of a message that is not read, and little of one that is.
TEST_F(HostileTest, EndlessMessagesAreNotKept) {
  Bench bench;
  auto stream = bench.stream();
  const std::string junk(16'000, 'x');
  stream->data(kToClient, bytes_of(record(22, std::string("\x0b\xff\xff\xff", 4))), {});
  for (int i = 0; i < 1000; ++i) stream->data(kToClient, bytes_of(record(22, junk)), {});
  EXPECT_EQ(stream->state(), TlsState::kHandshake);
  EXPECT_LE(bench.budget.used(), 16U << 10);
  stream->data(kToServer, bytes_of(record(22, std::string("\x01\x00\xff\xff", 4))), {});
  for (int i = 0; i < 4; ++i) stream->data(kToServer, bytes_of(record(22, junk)), {});
  EXPECT_LE(bench.budget.used(), 160U << 10);
}

TEST_F(HostileTest, ASpentBudgetGivesUpTheConnection) {
  Bench bench({}, 10'000);
  auto stream = bench.stream();
  const std::string start = record(22, std::string(15'000, 'x')).substr(0, 9000);
  stream->data(kToServer, bytes_of(start), {});
  EXPECT_EQ(stream->state(), TlsState::kFailed);
  EXPECT_EQ(bench.counters.of(Counter::kEvictedMemory), 1U);
  stream.reset();
  EXPECT_EQ(bench.budget.used(), 0U);
}

}  // namespace
}  // namespace tidegate::inspect::test
