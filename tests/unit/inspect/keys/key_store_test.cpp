// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/keys/key_store.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/inspect/keys/lines.hpp"

namespace tidegate::inspect {
namespace {

using std::chrono::seconds;

class KeyStoreTest : public ::testing::Test {
 protected:
  static void forget(KeyStore& keys, const ClientRandom& random) {
    if (const auto found = keys.find(random)) keys.forget(*found);
  }

  ManualClock clock_;
  Counters counters_;
};

TEST_F(KeyStoreTest, SecretsOfOneSessionComeTogetherInAnyOrderAndTwice) {
  KeyStore keys({.sessions = 8}, clock_);
  EXPECT_TRUE(keys.add_line(traffic_line("SERVER_TRAFFIC_SECRET_0", 1, 0x22), counters_));
  EXPECT_TRUE(keys.add_line(traffic_line("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 1, 0x33), counters_));
  EXPECT_TRUE(keys.add_line(traffic_line("SERVER_TRAFFIC_SECRET_0", 1, 0x22), counters_));
  const auto found = keys.find(random_of(1));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->of(SecretKind::kServerTraffic).view()[0], std::byte{0x22});
  EXPECT_EQ(found->of(SecretKind::kClientHandshake).view()[0], std::byte{0x33});
  EXPECT_FALSE(found->of(SecretKind::kClientTraffic));
  EXPECT_FALSE(keys.find(random_of(2)));
  EXPECT_EQ(keys.size(), 1U);
  EXPECT_EQ(counters_.of(Counter::kKeysAccepted), 3U);
}

TEST_F(KeyStoreTest, FoundByFlowAndTheNewestOfAReusedPortWins) {
  KeyStore keys({.sessions = 8}, clock_);
  const std::string where = " tcp 192.0.2.7:40001 198.51.100.1:443 0x1302";
  keys.add_line(master_line(1, 0x11) + where, counters_);
  keys.add_line(master_line(2, 0x22) + where, counters_);
  const Flow flow{{*Address::parse("192.0.2.7"), 40001}, {*Address::parse("198.51.100.1"), 443}};
  auto found = keys.find(flow);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->random, random_of(2));
  EXPECT_EQ(found->cipher, 0x1302);
  EXPECT_FALSE(keys.find(Flow{flow.server, flow.client}));
}

std::string from_port(unsigned port) { return fmt::format(" tcp 192.0.2.7:{} 198.51.100.1:443", port); }

Flow flow_of(std::uint16_t port) {
  return {{*Address::parse("192.0.2.7"), port}, {*Address::parse("198.51.100.1"), 443}};
}

// The first bytes of one kind of all sets for a connection, in the order in which they are to be tried.
std::vector<int> tried(const KeyStore& keys, std::uint16_t port, SecretKind kind = SecretKind::kMaster) {
  std::vector<int> bytes;
  while (const auto found = keys.find(random_of(1), flow_of(port), bytes.size())) {
    bytes.push_back(std::to_integer<int>(found->of(kind).view()[0]));
  }
  return bytes;
}

TEST_F(KeyStoreTest, ARandomThatIsUsedTwiceHasASetForEachConnection) {
  KeyStore keys({.sessions = 8}, clock_);
  keys.add_line(master_line(1, 0x11) + from_port(1), counters_);
  keys.add_line(master_line(1, 0x22) + from_port(2), counters_);
  keys.add_line(master_line(1, 0x33), counters_);
  EXPECT_EQ(keys.size(), 3U);
  EXPECT_EQ(tried(keys, 1), (std::vector{0x11, 0x33, 0x22}));
  EXPECT_EQ(tried(keys, 2), (std::vector{0x22, 0x33, 0x11}));
  EXPECT_EQ(tried(keys, 3), (std::vector{0x33, 0x22, 0x11}));
  EXPECT_EQ(keys.find(flow_of(1))->of(SecretKind::kMaster).view()[0], std::byte{0x11});
  keys.forget(*keys.find(random_of(1), flow_of(2), 0));
  clock_.advance(seconds(10));
  EXPECT_EQ(tried(keys, 1), (std::vector{0x11, 0x33})) << "only the one that was read is forgotten";
}

TEST_F(KeyStoreTest, LinesWithoutEndpointsOfTwoConnectionsMayBeMixed) {
  KeyStore keys({.sessions = 8}, clock_);
  const auto add = [&](const char* label, unsigned secret) {
    keys.add_line(traffic_line(label, 1, secret), counters_);
  };
  add("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 0x11);
  add("CLIENT_HANDSHAKE_TRAFFIC_SECRET", 0x21);
  add("CLIENT_TRAFFIC_SECRET_0", 0x12);
  add("CLIENT_TRAFFIC_SECRET_0", 0x22);
  add("CLIENT_TRAFFIC_SECRET_0", 0x22);
  EXPECT_EQ(keys.size(), 2U);
  EXPECT_EQ(tried(keys, 1, SecretKind::kClientHandshake), (std::vector{0x21, 0x11}));
  EXPECT_EQ(tried(keys, 1, SecretKind::kClientTraffic), (std::vector{0x22, 0x12}));
}

TEST_F(KeyStoreTest, OfOneRandomAFewAreKeptUsedOnesGoFirst) {
  KeyStore keys({.sessions = 100}, clock_);
  const auto add = [&](unsigned port) { keys.add_line(master_line(1, port) + from_port(port), counters_); };
  for (unsigned port = 1; port <= KeyStore::kMostAlike; ++port) add(port);
  keys.forget(*keys.find(flow_of(3)));
  add(20);
  EXPECT_FALSE(keys.find(flow_of(3)));
  EXPECT_EQ(counters_.of(Counter::kKeysEvicted), 0U);
  add(21);
  EXPECT_FALSE(keys.find(flow_of(1)));
  EXPECT_TRUE(keys.find(flow_of(2)));
  EXPECT_EQ(counters_.of(Counter::kKeysEvicted), 1U);
  EXPECT_EQ(keys.size(), KeyStore::kMostAlike);
}

TEST_F(KeyStoreTest, FullTablesLoseUsedSessionsFirstThenTheOldest) {
  KeyStore keys({.sessions = 3}, clock_);
  for (unsigned i = 1; i <= 3; ++i) keys.add_line(master_line(i), counters_);
  forget(keys, random_of(2));
  keys.add_line(master_line(4), counters_);
  EXPECT_FALSE(keys.find(random_of(2)));
  EXPECT_EQ(counters_.of(Counter::kKeysEvicted), 0U) << "a used one is no loss";
  keys.add_line(master_line(5), counters_);
  EXPECT_FALSE(keys.find(random_of(1)));
  EXPECT_TRUE(keys.find(random_of(3)));
  EXPECT_EQ(counters_.of(Counter::kKeysEvicted), 1U);
  EXPECT_EQ(keys.size(), 3U);
}

TEST_F(KeyStoreTest, OldSessionsAreWipedUsedOnesSooner) {
  KeyStore keys({.sessions = 8, .unused = seconds(60), .used = seconds(10)}, clock_);
  keys.add_line(master_line(1), counters_);
  keys.add_line(master_line(2), counters_);
  forget(keys, random_of(1));
  EXPECT_TRUE(keys.find(random_of(1))) << "a second capture of the same connection still finds it";
  clock_.advance(seconds(10));
  EXPECT_FALSE(keys.find(random_of(1)));
  keys.expire();
  EXPECT_EQ(keys.size(), 1U);
  clock_.advance(seconds(50));
  EXPECT_FALSE(keys.find(random_of(2)));
  keys.expire();
  EXPECT_EQ(keys.size(), 0U);
}

TEST_F(KeyStoreTest, OfflineNothingIsForgotten) {
  KeyStore keys({.sessions = 1'000'000, .unused = seconds(0), .lock = false}, clock_);
  keys.add_line(master_line(1), counters_);
  forget(keys, random_of(1));
  clock_.advance(std::chrono::hours(1000));
  keys.expire();
  EXPECT_TRUE(keys.find(random_of(1)));
  EXPECT_FALSE(keys.locked());
}

TEST_F(KeyStoreTest, ArrivalsAreToldOnceAndAskForEverythingWhenTooMany) {
  KeyStore keys({.sessions = 8}, clock_);
  std::uint64_t cursor = 0;
  EXPECT_TRUE(keys.arrived(cursor)->empty());
  keys.add_line(master_line(1), counters_);
  keys.add_line(master_line(2) + " tcp 192.0.2.7:1 198.51.100.1:443", counters_);
  const auto two = keys.arrived(cursor);
  ASSERT_EQ(two->size(), 2U);
  EXPECT_EQ((*two)[0].random, random_of(1));
  EXPECT_FALSE((*two)[0].flow);
  EXPECT_EQ((*two)[1].flow->client.port, 1);
  EXPECT_TRUE(keys.arrived(cursor)->empty());
  for (unsigned i = 0; i < 10'000; ++i) keys.add_line(master_line(i), counters_);
  EXPECT_FALSE(keys.arrived(cursor));
  EXPECT_TRUE(keys.arrived(cursor)->empty());
}

TEST_F(KeyStoreTest, MalformedAndDroppedLinesAreCounted) {
  KeyStore keys({.sessions = 8}, clock_);
  EXPECT_FALSE(keys.add_line("garbage", counters_));
  EXPECT_TRUE(keys.add_line("#dropped 12", counters_));
  EXPECT_EQ(counters_.of(Counter::kKeysMalformed), 1U);
  EXPECT_EQ(counters_.of(Counter::kKeySourceDropped), 12U);
  EXPECT_EQ(keys.size(), 0U);
}

// Against a plain map, over many turns: the chains, lists and free slots stay sound.
TEST_F(KeyStoreTest, AgreesWithAMapOverManyTurns) {
  KeyStore keys({.sessions = 64, .unused = seconds(5), .used = seconds(2)}, clock_);
  unsigned state = 12345;
  const auto flow = [](unsigned port) {
    return Flow{{*Address::parse("192.0.2.1"), static_cast<std::uint16_t>(port)},
                {*Address::parse("198.51.100.1"), 443}};
  };
  const auto next = [&state] { return state = state * 1664525U + 1013904223U; };
  for (int turn = 0; turn < 20'000; ++turn) {
    const unsigned number = next() >> 8 & 0x7f;
    const std::string where =
        (next() & 0x10000) != 0 ? fmt::format(" tcp 192.0.2.1:{} 198.51.100.1:443", number & 7) : "";
    keys.add_line(master_line(number, number) + where, counters_);
    const auto found = keys.find(random_of(number));
    ASSERT_TRUE(found);
    ASSERT_EQ(found->of(SecretKind::kMaster).view()[0], std::byte(number));
    if (!where.empty()) {
      const auto by_flow = keys.find(flow(number & 7));
      ASSERT_TRUE(by_flow);
      ASSERT_EQ(by_flow->of(SecretKind::kMaster).view()[0], by_flow->random[31]);
      ASSERT_EQ(std::to_integer<unsigned>(by_flow->random[31]) & 7, number & 7);
    }
    if ((next() & 0x10000) != 0) forget(keys, random_of(next() >> 8 & 0x7f));
    if ((next() & 0x30000) == 0) clock_.advance(std::chrono::milliseconds(100));
    ASSERT_LE(keys.size(), 64U);
  }
  clock_.advance(seconds(10));
  keys.expire();
  EXPECT_EQ(keys.size(), 0U);
  for (unsigned port = 0; port < 8; ++port) EXPECT_FALSE(keys.find(flow(port)));
}

TEST_F(KeyStoreTest, OneThreadAddsWhileAnotherReads) {
  KeyStore keys({.sessions = 64}, system_clock());
  std::jthread writer([&keys] {
    Counters counters;
    for (unsigned i = 0; i < 2000; ++i) keys.add_line(master_line(i & 0xff), counters);
  });
  std::uint64_t cursor = 0;
  std::size_t seen = 0;
  while (seen < 2000) {
    const auto arrived = keys.arrived(cursor);
    ASSERT_TRUE(arrived);
    for (const auto& one : *arrived) keys.find(one.random);
    seen += arrived->size();
  }
}

}  // namespace
}  // namespace tidegate::inspect
