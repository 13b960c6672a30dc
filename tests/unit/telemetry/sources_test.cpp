// SPDX-License-Identifier: Apache-2.0
#include "agent/telemetry/sources.hpp"

#include <gtest/gtest.h>

#include <random>

namespace tidegate::telemetry {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Sample sample(std::uint32_t source, bool dropped, std::uint64_t packets, unsigned reason = 12) {
  return {.source = Prefix::host(Address::from_v4(source)),
          .service = 1,
          .reason = reason,
          .dropped = dropped,
          .packets = packets,
          .bytes = packets * 100};
}

constexpr MonotonicTime kStart = std::chrono::hours(1);

TEST(SourceTable, SteadyTrafficIsEstimatedAtItsRate) {
  SourceTable table(1);
  MonotonicTime now = kStart;
  for (int tick = 0; tick < 3000; ++tick, now += milliseconds(10)) {
    table.add(sample(1, true, 50), now);   // 5000/s
    table.add(sample(1, false, 10), now);  // 1000/s
  }
  const auto rows = table.top(10, now);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_NEAR(rows[0].dropped_pps, 5000, 100);
  EXPECT_NEAR(rows[0].passed_pps, 1000, 20);
  EXPECT_NEAR(rows[0].dropped_bps, 5000 * 800, 80000);
  EXPECT_EQ(rows[0].dropped_total, 150000U);
  EXPECT_EQ(rows[0].passed_total, 30000U);
}

TEST(SourceTable, RatesFadeWithinSecondsAndSilentOnesAreLeftOut) {
  SourceTable table(1);
  table.add(sample(1, true, 100000), kStart);
  const double before = table.top(1, kStart)[0].dropped_pps;
  EXPECT_NEAR(table.top(1, kStart + seconds(5))[0].dropped_pps, before / 2.718, before / 100);
  EXPECT_TRUE(table.top(1, kStart + seconds(120)).empty());
  EXPECT_EQ(table.of(Prefix::host(Address::from_v4(1)), kStart + seconds(120))[0].dropped_total, 100000U);
}

TEST(SourceTable, DominantReasonIsThatOfMostDrops) {
  SourceTable table(1);
  for (int n = 0; n < 10; ++n) {
    table.add(sample(1, true, 30, 14), kStart);
    table.add(sample(1, true, 70, 12), kStart);
    table.add(sample(1, false, 1000, 0), kStart);
  }
  EXPECT_EQ(table.top(1, kStart)[0].reason, 12U) << "drops matter, however much passes";
}

// Hundreds of thousands of spoofed sources cannot push a real one out, and cost no memory.
TEST(SourceTable, HeavySourcesSurviveAFloodOfRandomOnes) {
  SourceTable table(1);
  std::mt19937 random(7);
  MonotonicTime now = kStart;
  for (int n = 0; n < 400000; ++n, now += std::chrono::microseconds(100)) {
    table.add(sample(0x80000000U | static_cast<std::uint32_t>(random()), true, 100), now);
    if (n % 100 == 0) table.add(sample(7, true, 100), now);
  }
  EXPECT_EQ(table.size(), SourceTable::kCapacity);
  const auto rows = table.top(1, now);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].source.to_string(), "0.0.0.7");
  EXPECT_NEAR(rows[0].dropped_pps, 10000, 1000);
}

TEST(SourceTable, NewcomerIsNotChargedWithWhomItReplaces) {
  SourceTable table(1, 1);
  table.add(sample(1, true, 1000000), kStart);
  table.add(sample(2, true, 5), kStart);
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(table.of(Prefix::host(Address::from_v4(2)), kStart).at(0).dropped_total, 5U);
  EXPECT_TRUE(table.of(Prefix::host(Address::from_v4(1)), kStart).empty());
}

TEST(SourceTable, LongRunsDoNotOverflow) {
  SourceTable table(1);
  MonotonicTime now = kStart;
  for (int day = 0; day < 400; ++day, now += std::chrono::hours(24)) table.add(sample(1, true, 500), now);
  table.add(sample(1, true, 500), now);
  const auto rows = table.top(1, now);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_NEAR(rows[0].dropped_pps, 100, 1);
}

TEST(SourceTable, OrderIsDropsFirstThenPasses) {
  SourceTable table(1);
  table.add(sample(1, false, 900), kStart);
  table.add(sample(2, true, 10), kStart);
  table.add(sample(3, true, 20), kStart);
  table.add(sample(4, false, 1000), kStart);
  std::string order;
  for (const auto& row : table.top(10, kStart)) order += row.source.to_string().back();
  EXPECT_EQ(order, "3241");
  EXPECT_EQ(table.top(2, kStart).size(), 2U);
}

TEST(SourceTable, WhatADryRunLetsThroughIsToldApart) {
  SourceTable table(1);
  for (int n = 0; n < 10; ++n) {
    Sample over = sample(1, false, 300, 12);
    over.would_drop = true;
    table.add(over, kStart);
    table.add(sample(1, false, 700, 0), kStart);
    table.add(sample(2, false, 5000, 0), kStart);
  }
  const auto rows = table.top(10, kStart);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].source, Prefix::host(Address::from_v4(1))) << "before what passes for good";
  EXPECT_NEAR(rows[0].would_drop_pps, 0.3 * rows[0].passed_pps, 1);
  EXPECT_EQ(rows[0].dropped_pps, 0);
  EXPECT_EQ(rows[0].reason, 12U) << "why it would be dropped";
  EXPECT_EQ(rows[1].would_drop_pps, 0);
}

}  // namespace
}  // namespace tidegate::telemetry
