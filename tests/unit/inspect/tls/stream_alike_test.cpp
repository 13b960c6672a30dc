// SPDX-License-Identifier: Apache-2.0
// Clients choose their randoms: two connections with the same one do not hide each other.
#include <gtest/gtest.h>

#include "tests/unit/inspect/tls/feed.hpp"

namespace tidegate::inspect::test {
namespace {

constexpr const char* kOthersFlow = " tcp 192.0.2.7:50000 198.51.100.1:443 0x1301";

// The same line of another connection.
std::string of_another(std::string line, char digit = 'a') {
  const std::size_t secret = line.rfind(' ') + 1;
  return line.replace(secret, std::string::npos, std::string(line.size() - secret, digit));
}

class AlikeTest : public ::testing::TestWithParam<int> {
 protected:
  AlikeTest() {
    Peers peers({.version = GetParam()});
    peers.connect();
    EXPECT_TRUE(peers.handshake());
    for (int i = 0; i < 3; ++i) {
      peers.say(kToServer, "question " + std::to_string(i));
      peers.say(kToClient, "answer " + std::string(2000, 'a'));
    }
    transcript_ = peers.transcript();
  }
  void add(const std::string& line) { bench_.keys.add_line(line, bench_.counters); }
  void expect_read() const {
    EXPECT_EQ(bench_.reader.heard[0], transcript_.said[0]);
    EXPECT_EQ(bench_.reader.heard[1], transcript_.said[1]);
    EXPECT_EQ(bench_.counters.of(Counter::kDecryptFailed), 0U);
    EXPECT_EQ(bench_.counters.of(Counter::kNoKey), 0U);
  }

  Transcript transcript_;
  Bench bench_;
};

TEST_P(AlikeTest, LinesThatNameOtherEndpointsReplaceNothing) {
  bench_.add_keys(transcript_, {}, Bench::extension(0));
  for (const std::string& line : transcript_.keys) add(of_another(line) + kOthersFlow);
  auto stream = bench_.stream();
  bench_.feed(*stream, transcript_);
  expect_read();
}

TEST_P(AlikeTest, LinesWithoutEndpointsAreTriedOneAfterAnother) {
  for (const char digit : {'a', 'b'}) {
    for (const std::string& line : transcript_.keys) add(of_another(line, digit));
  }
  bench_.add_keys(transcript_);
  for (const std::string& line : transcript_.keys) add(of_another(line, 'c'));
  auto stream = bench_.stream();
  bench_.feed(*stream, transcript_);
  expect_read();
}

// Which line belongs with which is not known then.
TEST_P(AlikeTest, LinesWithoutEndpointsMayBeMixed) {
  bool first = true;
  for (const std::string& line : transcript_.keys) {
    add(first ? line : of_another(line));
    add(first ? of_another(line) : line);
    first = !first;
  }
  auto stream = bench_.stream();
  bench_.feed(*stream, transcript_);
  expect_read();
}

TEST_P(AlikeTest, TheRightOnesMayComeLate) {
  for (const std::string& line : transcript_.keys) add(of_another(line) + kOthersFlow);
  auto stream = bench_.stream();
  bench_.feed(*stream, transcript_);
  ASSERT_EQ(stream->state(), TlsState::kWaiting);
  for (const std::string& line : transcript_.keys) {
    add(of_another(line, 'b'));
    stream->keys_arrived(bench_.now);
  }
  ASSERT_EQ(stream->state(), TlsState::kWaiting);
  bench_.add_keys(transcript_);
  stream->keys_arrived(bench_.now);
  expect_read();
}

INSTANTIATE_TEST_SUITE_P(Versions, AlikeTest, ::testing::Values(TLS1_3_VERSION, TLS1_2_VERSION));

}  // namespace
}  // namespace tidegate::inspect::test
