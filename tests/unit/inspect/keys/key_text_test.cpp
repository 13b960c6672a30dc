// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/keys/key_text.hpp"

#include <gtest/gtest.h>

#include "tests/unit/inspect/keys/lines.hpp"

namespace tidegate::inspect {
namespace {

class KeyTextTest : public ::testing::Test {
 protected:
  ManualClock clock_;
  Counters counters_;
  KeyStore keys_{{.sessions = 64}, clock_};
  std::array<char, kLongestKeyLine> line_{};
};

TEST_F(KeyTextTest, LinesMayBeCutAnywhere) {
  const std::string text = "# comment\n" + master_line(1) + "\r\n\n" + master_line(2) + '\n' + master_line(3);
  for (const std::size_t step : {1UL, 7UL, 64UL, text.size()}) {
    KeyStore keys({.sessions = 8}, clock_);
    Counters counters;
    {
      KeyText lines(keys, line_);
      std::uint64_t accepted = 0;
      for (std::size_t at = 0; at < text.size(); at += step) {
        accepted += lines.add(bytes_of(std::string_view(text).substr(at, step)), counters).accepted;
      }
      EXPECT_EQ(accepted, 4U);
      EXPECT_EQ(keys.size(), 2U);
      EXPECT_EQ(lines.finish(counters).accepted, 1U);
    }
    EXPECT_EQ(keys.size(), 3U) << step;
    EXPECT_EQ(counters.of(Counter::kKeysMalformed), 0U);
    for (const char c : line_) ASSERT_EQ(c, 0) << "the secret is still there";
  }
}

TEST_F(KeyTextTest, AnEndlessLineIsDroppedUpToItsEndAndCountedOnce) {
  KeyText lines(keys_, line_);
  const std::string junk(700, 'x');
  for (int i = 0; i < 1000; ++i) lines.add(bytes_of(junk), counters_);
  EXPECT_EQ(lines.add(bytes_of("end\n" + master_line(1) + '\n'), counters_).accepted, 1U);
  EXPECT_EQ(counters_.of(Counter::kKeysMalformed), 1U);
  EXPECT_TRUE(keys_.find(random_of(1)));
}

TEST_F(KeyTextTest, AWholeTextNeedsNoLastNewline) {
  const KeyLineCounts counts =
      add_key_text(keys_, bytes_of(master_line(1) + "\nnonsense\n" + master_line(2)), counters_);
  EXPECT_EQ(counts.accepted, 2U);
  EXPECT_EQ(counts.malformed, 1U);
}

TEST_F(KeyTextTest, HaproxyLinesCarryAllSecretsOfAConnection) {
  const std::string datagram = "<134>Nov 22 07:12:01 edge haproxy[123]: CLIENT_EARLY_TRAFFIC_SECRET " + random_hex(9) +
                               " -;" + traffic_line("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 9, 0x21) + ";" +
                               traffic_line("SERVER_HANDSHAKE_TRAFFIC_SECRET", 9, 0x22) + "|" +
                               traffic_line("CLIENT_TRAFFIC_SECRET_0", 9, 0x23) + " " +
                               traffic_line("SERVER_TRAFFIC_SECRET_0", 9, 0x24) + " CLIENT_RANDOM " + random_hex(9) +
                               " " + repeated(1, 32) + "\n";
  const KeyLineCounts counts = add_key_datagram(keys_, bytes_of(datagram), counters_);
  EXPECT_EQ(counts.accepted, 4U);
  EXPECT_EQ(counts.malformed, 0U);
  const auto found = keys_.find(random_of(9));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->of(SecretKind::kServerTraffic).view()[0], std::byte{0x24});
  EXPECT_FALSE(found->of(SecretKind::kClientEarly));
  EXPECT_FALSE(found->of(SecretKind::kMaster)) << "a TLS 1.3 session key is no master secret";
}

TEST_F(KeyTextTest, HaproxyLinesMayLackSecretsAndNameEndpoints) {
  const std::string datagram = "<134>x: CLIENT_EARLY_TRAFFIC_SECRET " + random_hex(3) + "  " + master_line(3) +
                               " tcp 192.0.2.7:40001 198.51.100.1:443 0xc02f";
  EXPECT_EQ(add_key_datagram(keys_, bytes_of(datagram), counters_).accepted, 1U);
  EXPECT_TRUE(keys_.find(Flow{{*Address::parse("192.0.2.7"), 40001}, {*Address::parse("198.51.100.1"), 443}}));
}

// A log format has brackets around every address or around none.
TEST_F(KeyTextTest, HaproxyPutsBracketsAroundEveryAddress) {
  const Flow flow{{*Address::parse("192.0.2.7"), 40001}, {*Address::parse("198.51.100.1"), 443}};
  const auto datagram = [](int n, const std::string& client, const std::string& server) {
    return "<134>x: " + master_line(n) + " tcp [" + client + "]:40001 [" + server + "]:443";
  };
  EXPECT_EQ(add_key_datagram(keys_, bytes_of(datagram(4, "192.0.2.7", "198.51.100.1")), counters_).accepted, 1U);
  EXPECT_TRUE(keys_.find(flow));
  EXPECT_EQ(
      add_key_datagram(keys_, bytes_of(datagram(5, "::ffff:192.0.2.8", "::ffff:198.51.100.1")), counters_).accepted,
      1U);
  EXPECT_TRUE(keys_.find(Flow{{*Address::parse("192.0.2.8"), 40001}, flow.server}));
  EXPECT_EQ(add_key_datagram(keys_, bytes_of(datagram(6, "2001:db8::7", "2001:db8::1")), counters_).accepted, 1U);
  EXPECT_TRUE(keys_.find(Flow{{*Address::parse("2001:db8::7"), 40001}, {*Address::parse("2001:db8::1"), 443}}));
  const std::string without_secret =
      "SERVER_TRAFFIC_SECRET_0 " + random_hex(7) + "  tcp [192.0.2.7]:40001 [192.0.2.1]:443";
  EXPECT_EQ(add_key_datagram(keys_, bytes_of(without_secret), counters_).malformed, 0U);
}

TEST_F(KeyTextTest, DatagramsWithoutALabelAreMalformed) {
  EXPECT_EQ(add_key_datagram(keys_, bytes_of("<134>haproxy[1]: Proxy www started."), counters_).malformed, 1U);
  EXPECT_EQ(add_key_datagram(keys_, bytes_of("CLIENT_RANDOM zz " + std::string(96, 'z')), counters_).malformed, 1U);
  EXPECT_EQ(keys_.size(), 0U);
}

}  // namespace
}  // namespace tidegate::inspect
