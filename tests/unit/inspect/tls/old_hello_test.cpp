// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/inspect/tls/old_hello.hpp"

#include <gtest/gtest.h>

#include "agent/base/hex.hpp"
#include "agent/inspect/tls/hello.hpp"
#include "agent/inspect/tls/record.hpp"
#include "tests/unit/inspect/tls/feed.hpp"

namespace tidegate::inspect::test {
namespace {

std::string random_read(const OldHello& hello) {
  const std::string message = message_of(hello);
  const auto read = read_old_client_hello(bytes_of(message));
  if (!read) return "malformed";
  EXPECT_EQ(read->sni + read->alpn + read->ja4, "");
  EXPECT_FALSE(read->early_data);
  return {reinterpret_cast<const char*>(read->random.data()), read->random.size()};
}

TEST(OldHelloTest, ItsChallengeIsTheRandom) {
  EXPECT_EQ(random_read({}), std::string(32, 'c'));
  EXPECT_EQ(random_read({.challenge = "sixteen bytes ok", .session = std::string(16, 's')}),
            std::string(16, '\0') + "sixteen bytes ok");
  EXPECT_EQ(random_read({.challenge = "short"}), std::string(27, '\0') + "short") << "OpenSSL takes it";
  EXPECT_EQ(random_read({.challenge = std::string(32, 'c') + "more"}), std::string(32, 'c')) << "and this, too";
}

TEST(OldHelloTest, OtherVersionsAndSizesAreMalformed) {
  EXPECT_EQ(random_read({.version = 0x0002}), "malformed");
  EXPECT_EQ(random_read({.version = 0x0403}), "malformed");
  EXPECT_EQ(random_read({.session = std::string(33, 's')}), "malformed");
  const std::string message = message_of({});
  for (std::size_t size = 0; size < message.size(); ++size)
    EXPECT_FALSE(read_old_client_hello(bytes_of(message).first(size))) << size;
  EXPECT_FALSE(read_old_client_hello(bytes_of(message + "x")));
  std::string odd = message;
  odd[4] = 2;   // of ciphers
  odd[8] = 33;  // of the challenge
  EXPECT_FALSE(read_old_client_hello(bytes_of(odd)));
}

TEST(OldHelloTest, OnlyAClientBeginsWithIt) {
  const std::string record = record_of(OldHello{});
  for (std::size_t size = 1; size <= record.size(); ++size) {
    EXPECT_TRUE(client_looks_like_tls(bytes_of(record).first(size))) << size;
    EXPECT_FALSE(looks_like_tls(bytes_of(record).first(size))) << size;
  }
  EXPECT_TRUE(client_looks_like_tls(bytes_of("\x16\x03\x01")));
  EXPECT_FALSE(client_looks_like_tls({}));
  for (const char* other : {"GET / HTTP/1.1", "\x80\x2e\x02", "\x80\x2e\x01\x02", "\x80\x08\x01\x03",
                            "\xc8\x01\x01\x03", "\x7f\x2e\x01\x03"})
    EXPECT_FALSE(client_looks_like_tls(bytes_of(other))) << to_hex(bytes_of(other));
  EXPECT_EQ(old_hello_size(bytes_of("\x80\x2e\x01\x03\x03")), 48U);
  EXPECT_EQ(old_hello_size(bytes_of("\xc8\x01\x01\x03\x03")), std::nullopt) << "more than a record has";
}

// A conversation of TLS 1.2 whose client could as well have begun so: what follows does not show it but in the check
// sums of the Finished messages.
Transcript conversation() {
  Peers peers({.version = TLS1_2_VERSION, .suites = "AES128-GCM-SHA256", .alpn = false});
  peers.connect();
  EXPECT_TRUE(peers.handshake());
  peers.say(kToServer, "question");
  peers.say(kToClient, "answer " + std::string(3000, 'a'));
  peers.close();
  Transcript transcript = peers.transcript();
  std::string& hello = transcript.pieces[0].bytes;
  hello = record_of(OldHello{.challenge = random_of(hello)});
  return transcript;
}

void expect_read(const Transcript& transcript) {
  for (const std::size_t step : {0UL, 1UL, 3UL, 20UL}) {
    Bench bench;
    bench.add_keys(transcript);
    auto stream = bench.stream();
    bench.feed(*stream, transcript, step);
    EXPECT_EQ(bench.reader.heard[0], transcript.said[0]) << step;
    EXPECT_EQ(bench.reader.heard[1], transcript.said[1]) << step;
    EXPECT_EQ(bench.reader.version, TlsVersion::k12);
    EXPECT_EQ(bench.reader.sni + bench.reader.ja4, "");
    EXPECT_EQ(bench.counters.of(Counter::kDecrypted), 1U);
    EXPECT_EQ(bench.counters.of(Counter::kDecryptFailed), 0U);
    stream.reset();
    EXPECT_EQ(bench.budget.used(), 0U);
  }
}

TEST(OldHelloTest, TheConnectionIsRead) { expect_read(conversation()); }

TEST(OldHelloTest, KeysMayComeLate) {
  const Transcript transcript = conversation();
  Bench bench;
  auto stream = bench.stream();
  bench.feed(*stream, transcript, 0, false);
  const auto random = stream->waits_for();
  ASSERT_TRUE(random);
  EXPECT_TRUE(std::ranges::equal(*random, bytes_of(transcript.pieces[0].bytes).last(32)));
  bench.add_keys(transcript);
  stream->keys_arrived(bench.now);
  EXPECT_EQ(bench.reader.heard[0], transcript.said[0]);
}

TEST(OldHelloTest, WithAHoleItIsAMissedOne) {
  const Transcript transcript = conversation();
  Bench bench;
  bench.add_keys(transcript, {}, Bench::extension(0));
  auto stream = bench.stream();
  const Bytes hello = bytes_of(transcript.pieces[0].bytes);
  stream->data(kToServer, hello.first(20), {});
  stream->gap(kToServer, 10, {});
  stream->data(kToServer, hello.subspan(30), {});
  for (std::size_t i = 1; i < transcript.pieces.size(); ++i)
    stream->data(transcript.pieces[i].direction, bytes_of(transcript.pieces[i].bytes), {});
  EXPECT_EQ(bench.reader.heard[0], transcript.said[0]);
}

TEST(OldHelloTest, OnlyBeforeAnyOtherHelloAndFromTheClient) {
  const std::string old = record_of(OldHello{});
  Bench bench;
  auto server = bench.stream();
  server->data(kToClient, bytes_of(old), {});
  EXPECT_EQ(server->state(), TlsState::kFailed);
  Bench twice;
  auto client = twice.stream();
  client->data(kToServer, bytes_of(old), {});
  EXPECT_EQ(client->state(), TlsState::kHandshake);
  client->data(kToServer, bytes_of(old), {});
  EXPECT_EQ(client->state(), TlsState::kFailed);
  EXPECT_EQ(twice.counters.of(Counter::kMalformedTls), 1U);
}

// A server of libssl takes such a hello and answers it; the client, which said another one, does not get to the end.
// What the server has for a random then is what it would log.
class OldHelloOfLibsslTest : public ::testing::TestWithParam<std::string> {};

TEST_P(OldHelloOfLibsslTest, ItsServerTakesTheSameRandom) {
  Peers peers({.version = TLS1_2_VERSION, .suites = "AES128-GCM-SHA256", .alpn = false});
  peers.connect();
  const std::string record = record_of(OldHello{.challenge = GetParam()});
  peers.alter_next = [&](std::string& bytes) { bytes = record; };
  EXPECT_FALSE(peers.handshake());
  const std::string& answer = peers.transcript().pieces.at(1).bytes;
  ASSERT_EQ(to_hex(bytes_of(answer).first(3)) + to_hex(bytes_of(answer).subspan(5, 1)), "16030302") << "no ServerHello";
  ClientRandom random;
  ASSERT_EQ(SSL_get_client_random(peers.server(), reinterpret_cast<unsigned char*>(random.data()), random.size()),
            random.size());
  Bench bench;
  auto stream = bench.stream();
  stream->data(kToServer, bytes_of(record), {});
  stream->data(kToClient, bytes_of(answer), {});
  EXPECT_EQ(stream->state(), TlsState::kHandshake);
  EXPECT_EQ(stream->waits_for(), random);
}

INSTANTIATE_TEST_SUITE_P(Challenges, OldHelloOfLibsslTest,
                         ::testing::Values(std::string(32, 'c'), std::string(16, 'c'), std::string("short"),
                                           std::string(32, 'c') + "more"));

}  // namespace
}  // namespace tidegate::inspect::test
