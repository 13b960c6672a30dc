// SPDX-License-Identifier: Apache-2.0
// Every version with every kind of suite, cut in several ways.
#include <gtest/gtest.h>

#include "tests/unit/inspect/tls/feed.hpp"

namespace tidegate::inspect::test {
namespace {

struct SuiteCase {
  const char* name;
  int version;
  const char* suites;
  TlsVersion expected;
  std::uint64_t options = 0;  // of both peers
};

class SuiteTest : public ::testing::TestWithParam<SuiteCase> {
 protected:
  // Small and large messages, both ways.
  static Transcript record(Peers& peers) {
    peers.connect();
    EXPECT_TRUE(peers.handshake());
    for (const std::size_t size : {1UL, 100UL, 5000UL, 40000UL}) {
      peers.say(Direction::kToServer, std::string(size, 'q'));
      peers.say(Direction::kToClient, std::string(size + 1, 'a'));
    }
    peers.say(Direction::kToServer, "last question");
    peers.close();
    return peers.transcript();
  }
  static Peers peers() {
    const SuiteCase& one = GetParam();
    return Peers({.version = one.version,
                  .suites = one.suites,
                  .configure = [options = one.options](SSL_CTX* client, SSL_CTX* server) {
                    SSL_CTX_set_options(client, options);
                    SSL_CTX_set_options(server, options);
                  }});
  }
};

TEST_P(SuiteTest, PlaintextComesOutHoweverItIsCut) {
  Peers both = peers();
  const Transcript transcript = record(both);
  for (const std::size_t step : {0UL, 1UL, 7UL, 1448UL}) {
    Bench bench;
    bench.add_keys(transcript);
    auto stream = bench.stream();
    bench.feed(*stream, transcript, step);
    ASSERT_EQ(bench.reader.heard[0], transcript.said[0]) << step;
    ASSERT_EQ(bench.reader.heard[1], transcript.said[1]) << step;
    EXPECT_EQ(bench.reader.version, GetParam().expected);
    EXPECT_EQ(bench.reader.sni, "test.example");
    EXPECT_EQ(bench.reader.alpn, "http/1.1");
    EXPECT_EQ(bench.reader.ja4.size(), 36U);
    EXPECT_EQ(bench.reader.ends[0], std::vector{StreamEnd::kFinished});
    EXPECT_EQ(bench.reader.ends[1], std::vector{StreamEnd::kFinished});
    EXPECT_FALSE(bench.reader.misused);
    EXPECT_EQ(bench.counters.of(Counter::kDecrypted), 1U);
    EXPECT_EQ(bench.counters.of(Counter::kDecryptFailed), 0U);
    EXPECT_EQ(bench.counters.of(Counter::kNoKey), 0U);
    stream.reset();
    EXPECT_EQ(bench.budget.used(), 0U);
  }
}

// A body of which the reader needs nothing: its records are not decrypted, and the count is exact.
TEST_P(SuiteTest, IgnoredBodiesAreNotDecrypted) {
  Peers both = peers();
  both.connect();
  ASSERT_TRUE(both.handshake());
  const std::string head = "HTTP/1.1 200 OK\r\n\r\n";
  both.say(Direction::kToServer, "GET /");
  both.say(Direction::kToClient, head);
  const std::string body(1'000'000, 'b');
  both.say(Direction::kToClient, body);
  both.say(Direction::kToClient, "next");
  const Transcript transcript = both.transcript();
  Bench bench;
  bench.add_keys(transcript);
  auto stream = bench.stream();
  std::string heard;
  for (const Piece& piece : transcript.pieces) {
    stream->data(piece.direction, bytes_of(piece.bytes), bench.now);
    if (bench.reader.heard[1] == head) bench.reader.ignored[1] = body.size();
  }
  ASSERT_EQ(bench.reader.heard[1].size(), head.size() + body.size() + 4);
  EXPECT_TRUE(bench.reader.heard[1].ends_with("next"));
  EXPECT_EQ(bench.reader.ignored[1], 0U);
  EXPECT_FALSE(bench.reader.misused);
  if (GetParam().expected == TlsVersion::k10) return;  // each record there needs the one before
  EXPECT_GT(bench.counters.of(Counter::kSkippedBytes), body.size() * 9 / 10);
}

// A record of which the reader needs the last bytes is decrypted.
TEST_P(SuiteTest, RecordsPartlyIgnoredAreDecrypted) {
  Peers both = peers();
  both.connect();
  ASSERT_TRUE(both.handshake());
  both.say(Direction::kToClient, "head");
  both.say(Direction::kToClient, std::string(3000, 'b'));
  Bench bench;
  bench.add_keys(both.transcript());
  auto stream = bench.stream();
  for (const Piece& piece : both.transcript().pieces) {
    stream->data(piece.direction, bytes_of(piece.bytes), bench.now);
    if (bench.reader.heard[1] == "head") bench.reader.ignored[1] = 2990;
  }
  EXPECT_EQ(bench.reader.heard[1], "head" + std::string(3000, 'b'));
  EXPECT_FALSE(bench.reader.misused);
}

// A reader that wants nothing more at all.
TEST_P(SuiteTest, EverythingIgnoredIsSkipped) {
  Peers both = peers();
  both.connect();
  ASSERT_TRUE(both.handshake());
  both.say(Direction::kToClient, "head");
  both.say(Direction::kToClient, std::string(3000, 'b'));
  both.close();
  Bench bench;
  bench.add_keys(both.transcript());
  auto stream = bench.stream();
  bench.reader.ignored[1] = ~0ULL;
  bench.feed(*stream, both.transcript(), 0, false);
  EXPECT_EQ(bench.reader.heard[1].size(), 3004U);
  EXPECT_EQ(bench.reader.ends[1].size(), 1U) << "close_notify is still seen";
  const std::uint64_t skipped = GetParam().expected == TlsVersion::k10 ? 0 : 3000;
  EXPECT_EQ(bench.counters.of(Counter::kSkippedBytes), skipped);
}

constexpr auto k13 = TlsVersion::k13;
constexpr auto k12 = TlsVersion::k12;
constexpr std::uint64_t kNoEtm = SSL_OP_NO_ENCRYPT_THEN_MAC;

INSTANTIATE_TEST_SUITE_P(
    All, SuiteTest,
    ::testing::Values(SuiteCase{"Tls13Aes128Gcm", TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256", k13},
                      SuiteCase{"Tls13Aes256Gcm", TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", k13},
                      SuiteCase{"Tls13ChaCha", TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", k13},
                      SuiteCase{"Tls13Ccm", TLS1_3_VERSION, "TLS_AES_128_CCM_SHA256", k13},
                      SuiteCase{"Tls13Ccm8", TLS1_3_VERSION, "TLS_AES_128_CCM_8_SHA256", k13},
                      SuiteCase{"Tls12Aes128Gcm", TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", k12},
                      SuiteCase{"Tls12Aes256Gcm", TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384", k12},
                      SuiteCase{"Tls12DheAes256Gcm", TLS1_2_VERSION, "DHE-RSA-AES256-GCM-SHA384", k12},
                      SuiteCase{"Tls12RsaAes128Gcm", TLS1_2_VERSION, "AES128-GCM-SHA256", k12},
                      SuiteCase{"Tls12ChaCha", TLS1_2_VERSION, "ECDHE-RSA-CHACHA20-POLY1305", k12},
                      SuiteCase{"Tls12Aes128Ccm", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-CCM", k12},
                      SuiteCase{"Tls12Aes256Ccm", TLS1_2_VERSION, "DHE-RSA-AES256-CCM", k12},
                      SuiteCase{"Tls12Aes128Ccm8", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-CCM8", k12},
                      SuiteCase{"Tls12Aes256Ccm8", TLS1_2_VERSION, "AES256-CCM8", k12},
                      SuiteCase{"Tls12Cbc128Sha1Etm", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA", k12},
                      SuiteCase{"Tls12Cbc128Sha1", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA", k12, kNoEtm},
                      SuiteCase{"Tls12Cbc256Sha1", TLS1_2_VERSION, "AES256-SHA", k12, kNoEtm},
                      SuiteCase{"Tls12Cbc128Sha256Etm", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", k12},
                      SuiteCase{"Tls12Cbc128Sha256", TLS1_2_VERSION, "ECDHE-RSA-AES128-SHA256", k12, kNoEtm},
                      SuiteCase{"Tls12Cbc256Sha256", TLS1_2_VERSION, "AES256-SHA256", k12},
                      SuiteCase{"Tls12Cbc256Sha384Etm", TLS1_2_VERSION, "ECDHE-RSA-AES256-SHA384", k12},
                      SuiteCase{"Tls12Cbc256Sha384", TLS1_2_VERSION, "ECDHE-ECDSA-AES256-SHA384", k12, kNoEtm},
                      SuiteCase{"Tls12NoExtendedMaster", TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256", k12,
                                SSL_OP_NO_EXTENDED_MASTER_SECRET},
                      SuiteCase{"Tls11Cbc128", TLS1_1_VERSION, "ECDHE-RSA-AES128-SHA", TlsVersion::k11},
                      SuiteCase{"Tls11Cbc256", TLS1_1_VERSION, "AES256-SHA", TlsVersion::k11, kNoEtm},
                      SuiteCase{"Tls10Cbc128", TLS1_VERSION, "ECDHE-RSA-AES128-SHA", TlsVersion::k10},
                      SuiteCase{"Tls10Cbc256", TLS1_VERSION, "AES256-SHA", TlsVersion::k10, kNoEtm}),
    [](const auto& one) { return std::string(one.param.name); });

TEST(UnsupportedSuiteTest, IsNamedAsSuch) {
  Peers peers({.version = TLS1_2_VERSION, .suites = "ECDHE-RSA-CAMELLIA128-SHA256"});
  peers.connect();
  ASSERT_TRUE(peers.handshake());
  peers.say(Direction::kToServer, "hello");
  Bench bench;
  bench.add_keys(peers.transcript());
  auto stream = bench.stream();
  bench.feed(*stream, peers.transcript());
  EXPECT_EQ(stream->state(), TlsState::kUnsupported);
  EXPECT_EQ(bench.counters.of(Counter::kUnsupportedCipher), 1U);
  EXPECT_EQ(stream->ignores(Direction::kToClient), ~0ULL);
  EXPECT_EQ(bench.reader.establishments, 0);
}

}  // namespace
}  // namespace tidegate::inspect::test
