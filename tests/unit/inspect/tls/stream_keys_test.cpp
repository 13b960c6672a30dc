// SPDX-License-Identifier: Apache-2.0
// Keys that come late, in part, wrong, or not at all.
#include <gtest/gtest.h>

#include "tests/unit/inspect/tls/feed.hpp"

namespace tidegate::inspect::test {
namespace {

using std::chrono::seconds;

Transcript conversation(int version, int turns = 5, const char* suites = "") {
  Peers peers({.version = version, .suites = suites});
  peers.connect();
  EXPECT_TRUE(peers.handshake());
  for (int i = 0; i < turns; ++i) {
    peers.say(kToServer, "question " + std::to_string(i));
    peers.say(kToClient, "answer " + std::string(2000, 'a'));
  }
  peers.close();
  return peers.transcript();
}

class LateKeysTest : public ::testing::TestWithParam<int> {};

TEST_P(LateKeysTest, WhatCameBeforeThemIsReadInItsOrderAndTime) {
  const Transcript transcript = conversation(GetParam());
  for (const std::size_t step : {0UL, 1UL, 300UL}) {
    Bench bench({.waiting_bytes = 8 << 20});  // single bytes cost more than themselves
    auto stream = bench.stream();
    bench.feed(*stream, transcript, step);
    EXPECT_EQ(stream->state(), TlsState::kWaiting);
    EXPECT_EQ(bench.reader.establishments, 0);
    ASSERT_TRUE(stream->waits_for());
    bench.add_keys(transcript);
    ASSERT_TRUE(bench.keys.find(*stream->waits_for()));
    stream->keys_arrived(bench.now + seconds(1));
    ASSERT_EQ(bench.reader.heard[0], transcript.said[0]);
    ASSERT_EQ(bench.reader.heard[1], transcript.said[1]);
    EXPECT_EQ(bench.reader.order.size(), 10U) << "directions were mixed up";
    EXPECT_LE(bench.reader.last, bench.now) << "time is that of the packet";
    EXPECT_EQ(bench.reader.ends[0].size(), 1U);
    EXPECT_EQ(bench.counters.of(Counter::kKeysLate), 1U);
    EXPECT_FALSE(bench.reader.misused);
    stream.reset();
    EXPECT_EQ(bench.budget.used(), 0U);
  }
}

// Each line of the key log comes after another part of the conversation.
TEST_P(LateKeysTest, LinesMayComeOneByOneAtAnyTime) {
  const Transcript transcript = conversation(GetParam());
  for (std::size_t every = 1; every <= 4; ++every) {
    Bench bench;
    auto stream = bench.stream();
    std::size_t line = 0;
    const auto add = [&] {
      if (line == transcript.keys.size()) return;
      bench.keys.add_line(transcript.keys[line++], bench.counters);
      stream->keys_arrived(bench.now);
    };
    for (std::size_t i = 0; i < transcript.pieces.size(); ++i) {
      stream->data(transcript.pieces[i].direction, bytes_of(transcript.pieces[i].bytes), bench.now);
      if (i % every == 0) add();
    }
    while (line < transcript.keys.size()) add();
    ASSERT_EQ(bench.reader.heard[0], transcript.said[0]) << every;
    ASSERT_EQ(bench.reader.heard[1], transcript.said[1]) << every;
    EXPECT_FALSE(bench.reader.misused);
    EXPECT_EQ(stream->state(), TlsState::kDecrypting);
  }
}

TEST_P(LateKeysTest, AfterFiveSecondsItIsGivenUp) {
  const Transcript transcript = conversation(GetParam());
  Bench bench;
  auto stream = bench.stream();
  bench.feed(*stream, transcript, 0, false);
  EXPECT_GT(bench.budget.used(), 2000U);
  stream->tick(bench.now + std::chrono::milliseconds(4900));
  EXPECT_EQ(stream->state(), TlsState::kWaiting);
  stream->tick(bench.now + seconds(5));
  EXPECT_EQ(stream->state(), TlsState::kNoKey);
  EXPECT_EQ(stream->ignores(kToServer), ~0ULL);
  EXPECT_EQ(bench.counters.of(Counter::kNoKey), 1U);
  EXPECT_EQ(bench.reader.establishments, 0);
  EXPECT_LT(bench.budget.used(), 8192U) << "what waited is still kept";
  bench.add_keys(transcript);
  stream->keys_arrived(bench.now + seconds(6));
  EXPECT_EQ(stream->state(), TlsState::kNoKey);
  stream.reset();
  EXPECT_EQ(bench.budget.used(), 0U);
  EXPECT_EQ(bench.counters.of(Counter::kNoKey), 1U);
}

TEST_P(LateKeysTest, PacketsAloneLetTimePassToo) {
  const Transcript transcript = conversation(GetParam());
  Bench bench;
  auto stream = bench.stream();
  for (const Piece& piece : transcript.pieces) {
    stream->data(piece.direction, bytes_of(piece.bytes), bench.now);
    bench.now += seconds(1);
  }
  EXPECT_EQ(stream->state(), TlsState::kNoKey);
}

TEST_P(LateKeysTest, AWaitIsBoundedAndCounted) {
  const Transcript transcript = conversation(GetParam(), 40);
  Bench bench({.waiting_bytes = 16 << 10});
  auto stream = bench.stream();
  for (const Piece& piece : transcript.pieces) {
    stream->data(piece.direction, bytes_of(piece.bytes), bench.now);
    ASSERT_LE(bench.budget.used(), 64U << 10);
  }
  EXPECT_EQ(stream->state(), TlsState::kNoKey);
  EXPECT_EQ(bench.counters.of(Counter::kKeyWaitOverflow), 1U);
  EXPECT_EQ(bench.counters.of(Counter::kNoKey), 1U);
}

TEST_P(LateKeysTest, TheEndOfACaptureEndsTheWait) {
  const Transcript transcript = conversation(GetParam());
  Bench bench;
  auto stream = bench.stream();
  bench.feed(*stream, transcript, 0, false);
  stream->end(kToServer, StreamEnd::kEvicted, bench.now);
  EXPECT_EQ(stream->state(), TlsState::kNoKey);
  EXPECT_EQ(bench.counters.of(Counter::kNoKey), 1U);
}

TEST_P(LateKeysTest, AStreamThatDiesWaitingHadNoKey) {
  const Transcript transcript = conversation(GetParam());
  Bench bench;
  auto stream = bench.stream();
  bench.feed(*stream, transcript);
  stream.reset();
  EXPECT_EQ(bench.counters.of(Counter::kNoKey), 1U);
  EXPECT_EQ(bench.budget.used(), 0U);
}

// A client may choose its random again: what the store has then belongs to its other connection.
TEST_P(LateKeysTest, WrongKeysAreNoReasonToGiveUp) {
  const Transcript transcript = conversation(GetParam());
  Bench bench;
  for (std::string line : transcript.keys) {
    line.back() = line.back() == '0' ? '1' : '0';
    bench.keys.add_line(line, bench.counters);
  }
  auto stream = bench.stream();
  bench.feed(*stream, transcript);
  EXPECT_EQ(stream->state(), TlsState::kWaiting);
  bench.add_keys(transcript);
  stream->keys_arrived(bench.now);
  EXPECT_EQ(bench.reader.heard[0], transcript.said[0]);
  EXPECT_EQ(bench.reader.heard[1], transcript.said[1]);
  EXPECT_EQ(bench.counters.of(Counter::kDecryptFailed), 0U);
}

TEST_P(LateKeysTest, UsedKeysAreMarkedSo) {
  const Transcript transcript = conversation(GetParam());
  Bench bench;
  ManualClock clock;
  KeyStore keys({.sessions = 8, .unused = seconds(60), .used = seconds(1)}, clock);
  for (const std::string& line : transcript.keys) keys.add_line(line, bench.counters);
  ASSERT_EQ(keys.size(), 1U);
  const auto context = make_tls_context({}, keys, bench.budget, bench.counters);
  auto stream = make_tls_stream(*context, Bench::flow(), false, bench.reader);
  bench.feed(*stream, transcript);
  ASSERT_EQ(bench.reader.heard[1], transcript.said[1]);
  clock.advance(seconds(1));
  keys.expire();
  EXPECT_EQ(keys.size(), 0U);
}

// The server's half was not captured: early data cannot be told from anything else, and is not kept for ever.
TEST(HalfCapturedTest, DataWithoutAServerHelloIsGivenUp) {
  const Transcript transcript = conversation(TLS1_3_VERSION);
  Bench bench;
  bench.add_keys(transcript);
  auto stream = bench.stream();
  for (const Piece& piece : transcript.pieces) {
    if (piece.direction == kToServer) stream->data(piece.direction, bytes_of(piece.bytes), bench.now);
  }
  EXPECT_EQ(stream->state(), TlsState::kWaiting);
  stream->tick(bench.now + seconds(5));
  EXPECT_EQ(stream->state(), TlsState::kNoKey);
  EXPECT_EQ(bench.counters.of(Counter::kNoKey), 1U);
}

TEST(RenegotiationKeysTest, BothHandshakesKeysMayBeLate) {
  Peers peers({.version = TLS1_2_VERSION, .configure = [](SSL_CTX*, SSL_CTX* server) {
                 SSL_CTX_set_options(server, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
               }});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  peers.say(kToServer, "before");
  ASSERT_TRUE(peers.renegotiate());
  peers.say(kToServer, "after");
  const Transcript& transcript = peers.transcript();
  ASSERT_EQ(transcript.keys.size(), 2U);
  Bench bench;
  auto stream = bench.stream();
  bench.feed(*stream, transcript);
  for (const std::string& line : transcript.keys) {
    ASSERT_EQ(stream->state(), TlsState::kWaiting);
    bench.keys.add_line(line, bench.counters);
    ASSERT_TRUE(bench.keys.find(*stream->waits_for())) << "it waits for another handshake's keys";
    stream->keys_arrived(bench.now);
  }
  EXPECT_EQ(bench.reader.heard[0], "beforeafter");
}

INSTANTIATE_TEST_SUITE_P(Versions, LateKeysTest, ::testing::Values(TLS1_3_VERSION, TLS1_2_VERSION));

TEST(PartialKeysTest, TrafficSecretsAloneAreEnough) {
  const Transcript transcript = conversation(TLS1_3_VERSION);
  Bench bench;
  bench.add_keys(transcript, "CLIENT_TRAFFIC");
  bench.add_keys(transcript, "SERVER_TRAFFIC");
  auto stream = bench.stream();
  bench.feed(*stream, transcript, 100);
  EXPECT_EQ(bench.reader.heard[0], transcript.said[0]);
  EXPECT_EQ(bench.reader.heard[1], transcript.said[1]);
  EXPECT_EQ(bench.counters.of(Counter::kNoKey), 0U);
}

// Browsers open connections before they need them; the server keeps them for a minute.
TEST(PartialKeysTest, AConnectionOpenedInAdvanceStillFindsItsKeys) {
  Peers peers({});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  const std::size_t handshake = peers.transcript().pieces.size();
  peers.say(kToServer, "GET /");
  const Transcript& transcript = peers.transcript();
  Bench bench;
  KeyStore keys({.sessions = 8, .lock = false}, bench.clock);
  const auto context = make_tls_context({}, keys, bench.budget, bench.counters);
  auto stream = make_tls_stream(*context, Bench::flow(), false, bench.reader);
  const auto add = [&](bool client_traffic) {
    for (const std::string& line : transcript.keys) {
      if (line.starts_with("CLIENT_TRAFFIC") == client_traffic) keys.add_line(line, bench.counters);
    }
  };
  add(false);
  for (std::size_t i = 0; i < handshake; ++i) {
    stream->data(transcript.pieces[i].direction, bytes_of(transcript.pieces[i].bytes), bench.now);
  }
  ASSERT_NE(stream->state(), TlsState::kWaiting) << "nothing needs the last secret yet";
  add(true);
  bench.clock.advance(seconds(65));
  keys.expire();
  stream->data(kToServer, bytes_of(transcript.pieces[handshake].bytes), bench.now + seconds(65));
  EXPECT_EQ(bench.reader.heard[0], "GET /");
}

TEST(PartialKeysTest, RecordsThatNeverOpenAreNotTriedForEver) {
  const Transcript transcript = conversation(TLS1_3_VERSION, 100);
  Bench bench;
  for (std::string line : transcript.keys) {
    line.back() = line.back() == '0' ? '1' : '0';
    if (line.find("TRAFFIC_SECRET_0") != std::string::npos) bench.keys.add_line(line, bench.counters);
  }
  auto stream = bench.stream();
  bench.feed(*stream, transcript);
  EXPECT_EQ(stream->state(), TlsState::kWaiting);
}

TEST(PartialKeysTest, OneDirectionIsReadWhenTheOtherHasNoKeys) {
  const Transcript transcript = conversation(TLS1_3_VERSION);
  Bench bench;
  bench.add_keys(transcript, "SERVER");
  auto stream = bench.stream();
  bench.feed(*stream, transcript);
  EXPECT_EQ(stream->state(), TlsState::kWaiting);
  stream->tick(bench.now + seconds(5));
  EXPECT_EQ(bench.reader.heard[0], "");
  EXPECT_EQ(bench.reader.heard[1], transcript.said[1]);
  EXPECT_EQ(bench.reader.gaps[0], std::vector<std::uint64_t>{0}) << "its reader must know";
  EXPECT_EQ(bench.counters.of(Counter::kNoKey), 1U);
  EXPECT_EQ(bench.counters.of(Counter::kDecrypted), 1U);
  EXPECT_FALSE(bench.reader.misused);
}

TEST(PartialKeysTest, HandshakeSecretsAloneAreNot) {
  const Transcript transcript = conversation(TLS1_3_VERSION);
  Bench bench({.key_wait = seconds(0)});
  bench.add_keys(transcript, "CLIENT_HANDSHAKE");
  bench.add_keys(transcript, "SERVER_HANDSHAKE");
  auto stream = bench.stream();
  bench.feed(*stream, transcript);
  EXPECT_EQ(stream->state(), TlsState::kNoKey) << "with no wait, it is given up at once";
  EXPECT_EQ(bench.counters.of(Counter::kNoKey), 1U);
}

// Without the beginning: what the extended line tells is enough for TLS 1.3.
class MidStreamTest : public ::testing::Test {
 protected:
  // Without the first `missing` pieces of each direction.
  static Transcript without_beginning(Transcript transcript, std::size_t missing) {
    std::size_t seen[2] = {};
    std::erase_if(transcript.pieces, [&](const Piece& piece) { return seen[index_of(piece.direction)]++ < missing; });
    return transcript;
  }
};

TEST_F(MidStreamTest, IsFoundByItsEndpoints) {
  for (const char* suite : {"TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_256_GCM_SHA384"}) {
    const Transcript whole = conversation(TLS1_3_VERSION, 20, suite);
    const Transcript rest = without_beginning(whole, 12);
    Bench bench;
    const std::uint16_t cipher = std::string(suite).find("CHACHA") != std::string::npos  ? 0x1303
                                 : std::string(suite).find("256_G") != std::string::npos ? 0x1302
                                                                                         : 0x1301;
    bench.add_keys(whole, {}, Bench::extension(cipher));
    auto stream = bench.stream(true);
    EXPECT_FALSE(stream->waits_for());
    bench.feed(*stream, rest, 700);
    EXPECT_FALSE(bench.reader.heard[0].empty());
    EXPECT_TRUE(whole.said[0].ends_with(bench.reader.heard[0]));
    EXPECT_TRUE(whole.said[1].ends_with(bench.reader.heard[1]));
    EXPECT_GT(bench.reader.heard[1].size(), 10'000U);
    EXPECT_EQ(bench.reader.version, TlsVersion::k13);
    EXPECT_EQ(bench.counters.of(Counter::kDecrypted), 1U);
  }
}

TEST_F(MidStreamTest, KeysMayComeLateThere) {
  const Transcript whole = conversation(TLS1_3_VERSION, 20, "TLS_AES_128_GCM_SHA256");
  Bench bench;
  auto stream = bench.stream(true);
  bench.feed(*stream, without_beginning(whole, 12), 0, false);
  EXPECT_EQ(stream->state(), TlsState::kWaiting);
  bench.add_keys(whole, {}, Bench::extension(0x1301));
  stream->keys_arrived(bench.now);
  EXPECT_EQ(stream->state(), TlsState::kDecrypting);
  EXPECT_TRUE(whole.said[1].ends_with(bench.reader.heard[1]));
}

TEST_F(MidStreamTest, LittleIsKeptThere) {
  const Transcript whole = conversation(TLS1_3_VERSION, 60, "TLS_AES_128_GCM_SHA256");
  Bench bench;
  auto stream = bench.stream(true);
  bench.feed(*stream, without_beginning(whole, 12), 0, false);
  EXPECT_EQ(stream->state(), TlsState::kNoKey);
  EXPECT_EQ(bench.counters.of(Counter::kKeyWaitOverflow), 1U);
}

TEST_F(MidStreamTest, WhatOnlyLooksLikeARecordDoesNoHarm) {
  const Transcript whole = conversation(TLS1_3_VERSION, 20, "TLS_AES_128_GCM_SHA256");
  Transcript rest = without_beginning(whole, 12);
  rest.pieces.insert(rest.pieces.begin(), {kToClient, std::string("\x17\x03\x03\x00\x04", 5) + "junkand more of it"});
  rest.pieces.insert(rest.pieces.begin(), {kToServer, "the middle of a record"});
  Bench bench;
  bench.add_keys(whole, {}, Bench::extension(0x1301));
  auto stream = bench.stream(true);
  bench.feed(*stream, rest);
  EXPECT_FALSE(bench.reader.heard[0].empty());
  EXPECT_FALSE(bench.reader.heard[1].empty());
  EXPECT_TRUE(whole.said[0].ends_with(bench.reader.heard[0]));
  EXPECT_TRUE(whole.said[1].ends_with(bench.reader.heard[1]));
}

TEST_F(MidStreamTest, Tls12CannotBeRead) {
  const Transcript whole = conversation(TLS1_2_VERSION, 20, "ECDHE-RSA-AES128-GCM-SHA256");
  Bench bench;
  bench.add_keys(whole, {}, Bench::extension(0xc02f));
  auto stream = bench.stream(true);
  bench.feed(*stream, without_beginning(whole, 12));
  EXPECT_EQ(stream->state(), TlsState::kNoKey);
  EXPECT_EQ(bench.counters.of(Counter::kNoKey), 1U);
}

TEST_F(MidStreamTest, TooManyRecordsWereMissed) {
  const Transcript whole = conversation(TLS1_3_VERSION, 200, "TLS_AES_128_GCM_SHA256");
  Bench bench;
  bench.add_keys(whole, {}, Bench::extension(0x1301));
  auto stream = bench.stream(true);
  bench.feed(*stream, without_beginning(whole, 150));
  stream->tick(bench.now + seconds(5));
  EXPECT_EQ(stream->state(), TlsState::kNoKey);
  EXPECT_EQ(bench.reader.establishments, 0);
}

TEST_F(MidStreamTest, WithoutTheClientHelloOnly) {
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    Transcript transcript = conversation(version);
    Bench bench;
    bench.add_keys(transcript, {}, Bench::extension(0));
    transcript.pieces.erase(transcript.pieces.begin());
    auto stream = bench.stream(true);
    bench.feed(*stream, transcript);
    EXPECT_EQ(bench.reader.heard[0], transcript.said[0]);
    EXPECT_EQ(bench.reader.heard[1], transcript.said[1]);
    EXPECT_EQ(bench.reader.sni, "");
  }
}

}  // namespace
}  // namespace tidegate::inspect::test
