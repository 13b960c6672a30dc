// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tcp/flow_key.hpp"

#include <gtest/gtest.h>

#include <set>

#include "agent/inspect/tcp/flow_map.hpp"

namespace tidegate::inspect {
namespace {

Endpoint endpoint(const char* address, std::uint16_t port) { return {*Address::parse(address), port}; }

TEST(FlowKeyTest, BothDirectionsHaveOneKey) {
  const Endpoint one = endpoint("192.0.2.1", 443), other = endpoint("198.51.100.1", 40'000);
  const DirectedKey there = key_of(one, other), back = key_of(other, one);
  EXPECT_EQ(there.key, back.key);
  EXPECT_NE(there.from_high, back.from_high);
  EXPECT_EQ(there.key.low(), one);
  EXPECT_EQ(there.key.high(), other);
}

TEST(FlowKeyTest, EveryPartCounts) {
  const FlowHash hash({1, 2});
  std::set<std::uint64_t> hashes;
  const Endpoint base = endpoint("2001:db8::1", 443);
  for (const Endpoint& other : {endpoint("2001:db8::2", 443), endpoint("2001:db8::2", 444),
                                endpoint("2001:db9::2", 443), endpoint("192.0.2.1", 443), endpoint("192.0.2.2", 443)}) {
    EXPECT_TRUE(hashes.insert(hash(key_of(base, other).key)).second);
  }
}

TEST(FlowKeyTest, HashesAreUnpredictableWithoutTheKey) {
  const FlowKey key = key_of(endpoint("192.0.2.1", 443), endpoint("198.51.100.1", 40'000)).key;
  EXPECT_EQ(FlowHash({1, 2})(key), FlowHash({1, 2})(key));
  EXPECT_NE(FlowHash({1, 2})(key), FlowHash({1, 3})(key));
  EXPECT_NE(FlowHash()(key), FlowHash()(key));
}

TEST(FlowMapTest, KeepsWhatIsInsertedInTheOrderOfUse) {
  FlowMap map(1000);
  const auto key = [](unsigned i) {
    return key_of({Address::from_v4(0xc0000200), 443}, {Address::from_v4(0xcb007100), static_cast<std::uint16_t>(i)})
        .key;
  };
  const WallTime start{std::chrono::seconds(1)};
  for (unsigned i = 0; i < 1000; ++i) {
    map.insert(key(i), map.hash(key(i)), EntryKind::kHalfOpen, start + std::chrono::seconds(i));
  }
  EXPECT_EQ(map.oldest(EntryKind::kHalfOpen)->key, key(0));
  map.touch(*map.find(key(0), map.hash(key(0))), start + std::chrono::seconds(2000));
  EXPECT_EQ(map.oldest(EntryKind::kHalfOpen)->key, key(1));
  for (unsigned i = 0; i < 1000; i += 2) map.erase(*map.find(key(i), map.hash(key(i))));
  for (unsigned i = 0; i < 1000; ++i) EXPECT_EQ(map.find(key(i), map.hash(key(i))) != nullptr, i % 2 == 1);
  EXPECT_EQ(map.count(EntryKind::kHalfOpen), 500U);
  map.move(*map.oldest(EntryKind::kHalfOpen), EntryKind::kClosed, start);
  EXPECT_EQ(map.oldest(EntryKind::kClosed)->key, key(1));
  EXPECT_EQ(map.count(EntryKind::kHalfOpen), 499U);
}

}  // namespace
}  // namespace tidegate::inspect
