// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/unit/kernel/block_memory.hpp"

namespace tidegate::kernel {
namespace {

constexpr std::uint64_t kNow = 1'000'000;
using Outcome = BlockTable::Outcome;

Prefix prefix(const char* text) { return Prefix::parse(text).value(); }

struct BlockTableTest : testing::Test {
  BlockMemory memory{1000};
  BlockTable table{memory.view(), test_identity(), {}};
};

TEST_F(BlockTableTest, WhatIsPutIsFoundByTheDatapath) {
  for (const char* target : {"192.0.2.1", "198.51.100.0/24", "2001:db8::1", "2001:db8:1::/48", "0.0.0.0/0", "::/0"}) {
    ASSERT_EQ(table.put(until(prefix(target), 5 * kNow), kNow), Outcome::kStored);
    EXPECT_EQ(memory.expiry_seen_by_datapath(prefix(target)), 5 * kNow) << target;
  }
  EXPECT_EQ(table.size(), 6U);
  EXPECT_EQ(memory.expiry_seen_by_datapath(prefix("192.0.2.2")), 0U);
}

TEST_F(BlockTableTest, PuttingAgainChangesTheExpiryInPlace) {
  table.put(until(prefix("192.0.2.1"), 5 * kNow), kNow);
  table.put(until(prefix("192.0.2.1"), TG_NEVER), kNow);
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(memory.expiry_seen_by_datapath(prefix("192.0.2.1")), TG_NEVER);
}

TEST_F(BlockTableTest, RemoveForgetsExactlyThatTarget) {
  table.put(until(prefix("192.0.2.0/24"), TG_NEVER), kNow);
  table.put(until(prefix("192.0.2.0"), TG_NEVER), kNow);
  EXPECT_TRUE(table.remove(prefix("192.0.2.0")));
  EXPECT_FALSE(table.remove(prefix("192.0.2.0")));
  EXPECT_EQ(memory.expiry_seen_by_datapath(prefix("192.0.2.0")), 0U);
  EXPECT_EQ(memory.expiry_seen_by_datapath(prefix("192.0.2.0/24")), TG_NEVER);
  EXPECT_EQ(table.size(), 1U);
}

TEST_F(BlockTableTest, LengthsAreListedLongestFirstAndOnlyWhileUsed) {
  for (const char* target : {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.7", "2001:db8::/32"}) {
    table.put(until(prefix(target), TG_NEVER), kNow);
  }
  auto lengths = table.lengths();
  ASSERT_EQ(lengths.count4, 2);
  EXPECT_EQ(lengths.v4[0], 128);
  EXPECT_EQ(lengths.v4[1], 120);
  ASSERT_EQ(lengths.count6, 1);
  EXPECT_EQ(lengths.v6[0], 32);
  table.remove(prefix("192.0.2.0/24"));
  EXPECT_EQ(table.lengths().count4, 2);
  table.remove(prefix("198.51.100.0/24"));
  EXPECT_EQ(table.lengths().count4, 1);
}

TEST_F(BlockTableTest, ExpiredSlotsAreReusedWhenTheTableIsFull) {
  std::uint32_t number = 0;
  while (table.size() < table.capacity()) ASSERT_EQ(table.put(until(host(number++), 2 * kNow), kNow), Outcome::kStored);
  EXPECT_EQ(table.put(until(host(number), 9 * kNow), kNow), Outcome::kTableFull);
  EXPECT_EQ(table.put(until(host(number), 9 * kNow), 2 * kNow), Outcome::kStored);
  EXPECT_EQ(memory.expiry_seen_by_datapath(host(number)), 9 * kNow);
}

TEST_F(BlockTableTest, SweepFreesWhatExpiredAndKeepsTheRest) {
  for (std::uint32_t i = 0; i < 500; ++i) table.put(until(host(i), i % 2 == 0 ? 2 * kNow : TG_NEVER), kNow);
  table.sweep(2 * kNow - 1, 1U << 20);
  EXPECT_EQ(table.size(), 500U);
  table.sweep(2 * kNow, 1U << 20);
  EXPECT_EQ(table.size(), 250U);
  for (std::uint32_t i = 1; i < 500; i += 2) EXPECT_EQ(memory.expiry_seen_by_datapath(host(i)), TG_NEVER);
}

TEST_F(BlockTableTest, SweepingInSmallStepsReachesEverySlot) {
  for (std::uint32_t i = 0; i < 500; ++i) table.put(until(host(i), 2 * kNow), kNow);
  for (std::size_t step = 0; step <= memory.buckets.size() / 10; ++step) table.sweep(3 * kNow, 10);
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(BlockTableTest, AReplacementKeepsExactlyWhatIsPutInIt) {
  for (std::uint32_t i = 0; i < 400; ++i) table.put(until(host(i), TG_NEVER), kNow);
  std::vector<BlockTable::Entry> wanted;
  for (std::uint32_t i = 300; i < 800; ++i) wanted.push_back(until(host(i), 7 * kNow));
  table.begin_replacement();
  for (std::size_t at = 0; at < wanted.size(); at += 100) {
    EXPECT_EQ(table.put_what_fits(std::span(wanted).subspan(at, 100), kNow), 0U);
    for (std::uint32_t i = 0; i < 400; ++i) EXPECT_NE(memory.expiry_seen_by_datapath(host(i)), 0U) << "never missing";
  }
  table.end_replacement();
  EXPECT_EQ(table.size(), wanted.size());
  for (std::uint32_t i = 0; i < 300; ++i) EXPECT_EQ(memory.expiry_seen_by_datapath(host(i)), 0U);
  for (std::uint32_t i = 300; i < 800; ++i) EXPECT_EQ(memory.expiry_seen_by_datapath(host(i)), 7 * kNow);
}

TEST_F(BlockTableTest, AReplacementWithoutRoomForOldAndNewKeepsWhatIsInBoth) {
  for (std::uint32_t i = 0; i < 600; ++i) table.put(until(host(i), TG_NEVER), kNow);
  std::vector<BlockTable::Entry> wanted;
  for (std::uint32_t i = 0; i < 900; ++i) wanted.push_back(until(host(1199 - i), 7 * kNow));  // what is new comes first
  table.begin_replacement();
  EXPECT_EQ(table.put_what_fits(wanted, kNow), 1200 - table.capacity());
  for (std::uint32_t i = 300; i < 600; ++i) EXPECT_EQ(memory.expiry_seen_by_datapath(host(i)), 7 * kNow);
  table.end_replacement();
  EXPECT_EQ(table.put_what_fits(wanted, kNow), 0U) << "there is room once the old are gone";
  EXPECT_EQ(table.size(), wanted.size());
}

TEST_F(BlockTableTest, AReplacementThatDoesNotEndDropsNothing) {
  for (std::uint32_t i = 0; i < 600; ++i) table.put(until(host(i), TG_NEVER), kNow);
  table.begin_replacement();
  table.put(until(host(700), TG_NEVER), kNow);
  table.begin_replacement();  // the next try
  table.put(until(host(1), TG_NEVER), kNow);
  EXPECT_EQ(table.size(), 601U);
  table.end_replacement();
  EXPECT_EQ(table.size(), 1U) << "what only the try named is not kept";
}

TEST_F(BlockTableTest, TooManyDistinctLengthsAreRefused) {
  for (unsigned length = 1; length <= TG_PREFIX_LENGTHS; ++length) {
    const auto target = Prefix::around(Address{0x20010db800000000ULL, 0}, length);
    ASSERT_EQ(table.put(until(target, TG_NEVER), kNow), Outcome::kStored);
  }
  EXPECT_EQ(table.put(until(prefix("2001:db8::1"), TG_NEVER), kNow), Outcome::kTooManyLengths);
  EXPECT_EQ(table.put(until(prefix("192.0.2.1"), TG_NEVER), kNow), Outcome::kStored);
}

TEST_F(BlockTableTest, AnAdoptedTableIsCountedAndKeepsItsListedLengths) {
  table.put(until(prefix("192.0.2.0/24"), TG_NEVER), kNow);
  table.put(until(prefix("2001:db8::/48"), TG_NEVER), kNow);
  BlockTable adopted(memory.view(), test_identity(), table.lengths());
  EXPECT_EQ(adopted.size(), 2U);
  EXPECT_TRUE(adopted.lengths() == table.lengths());
  adopted.begin_replacement();
  adopted.put(until(prefix("192.0.2.0/24"), TG_NEVER), kNow);
  adopted.end_replacement();
  EXPECT_EQ(adopted.lengths().count6, 0);
}

TEST_F(BlockTableTest, AnAdoptedIpv6EntryIsUncountedOnceItsLengthIsKnown) {
  table.put(until(prefix("2001:db8::/48"), TG_NEVER), kNow);
  BlockTable adopted(memory.view(), test_identity(), table.lengths());
  adopted.put(until(prefix("2001:db8::/48"), 9 * kNow), kNow);
  adopted.remove(prefix("2001:db8::/48"));
  EXPECT_EQ(adopted.lengths().count6, 0);
  EXPECT_EQ(adopted.size(), 0U);
}

// Against a plain map, with every operation at random: nothing is lost, nothing is left, and the filter never hides
// what is present.
TEST_F(BlockTableTest, BehavesLikeAMapUnderRandomOperations) {
  std::mt19937 random(20);
  std::map<std::uint32_t, std::uint64_t> model;
  std::uint64_t now = kNow;
  for (unsigned step = 0; step < 40'000; ++step) {
    const std::uint32_t number = static_cast<std::uint32_t>(random() % 1500);
    const auto action = random() % 10;
    if (action < 6) {
      const std::uint64_t expires = random() % 4 == 0 ? TG_NEVER : now + random() % 5000;
      if (table.put(until(host(number), expires), now) == Outcome::kStored) model[number] = expires;
    } else if (action < 9) {
      table.remove(host(number));
      model.erase(number);
    } else {
      now += random() % 20;
      table.sweep(now, 16);
    }
  }
  for (std::uint32_t number = 0; number < 1500; ++number) {
    const auto found = model.find(number);
    const std::uint64_t seen = memory.expiry_seen_by_datapath(host(number));
    if (found != model.end() && found->second > now) {
      EXPECT_EQ(seen, found->second) << number;
    } else {
      EXPECT_LE(seen, now) << number;
    }
  }
}

}  // namespace
}  // namespace tidegate::kernel
