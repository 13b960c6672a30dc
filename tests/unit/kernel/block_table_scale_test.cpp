// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>

#include "tests/unit/kernel/block_memory.hpp"

namespace tidegate::kernel {
namespace {

constexpr std::uint64_t kMillion = 1'000'000;
using Outcome = BlockTable::Outcome;

std::vector<BlockTable::Entry> hosts(std::uint32_t count) {
  std::vector<BlockTable::Entry> entries;
  entries.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) entries.push_back(until(host(i), TG_NEVER));
  return entries;
}

TEST(BlockTableScale, AMillionHostsAreAllFound) {
  BlockMemory memory(kMillion);
  BlockTable table(memory.view(), test_identity(), {});
  const auto entries = hosts(kMillion);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(table.put_all(entries, 1).first, kMillion);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  RecordProperty("entries_per_second", std::to_string(static_cast<long>(kMillion / took.count())));
  EXPECT_EQ(table.size(), kMillion);
  for (const auto& entry : entries) ASSERT_EQ(memory.expiry_seen_by_datapath(entry.target), TG_NEVER);
}

// 80 % of the slots: every key finds a place, the stash has room to spare.
TEST(BlockTableScale, EveryEntryUpToTheCapacityFits) {
  for (const std::uint32_t entries : {100U, 1000U, 65536U, 1'048'576U}) {
    BlockMemory memory(entries);
    BlockTable table(memory.view(), test_identity(), {});
    EXPECT_GE(table.capacity(), entries);
    const auto all = hosts(static_cast<std::uint32_t>(table.capacity()));
    EXPECT_EQ(table.put_all(all, 1).second, Outcome::kStored) << entries;
    EXPECT_EQ(table.put(until(host(5'000'000), TG_NEVER), 1), Outcome::kTableFull);
    EXPECT_LT(memory.stash_count, 4U) << entries;
  }
}

TEST(BlockTableScale, TheStashIsSearchedAndDrained) {
  BlockMemory memory(100);
  BlockTable table(memory.view(), test_identity(), {});
  const std::uint32_t buckets = static_cast<std::uint32_t>(memory.buckets.size());
  // Keys whose two buckets are among the first eight: more of them than those 64 slots can hold.
  std::vector<Prefix> chosen;
  for (std::uint32_t i = 0; chosen.size() < 72; ++i) {
    const auto identity = test_identity();
    const std::uint64_t hash = tg_prefix_hash(identity.seed, prefix_key(identity, host(i)));
    if (tg_bucket_of(hash, 0, buckets) < 8 && tg_bucket_of(hash, 1, buckets) < 8) chosen.push_back(host(i));
  }
  for (const auto& target : chosen) ASSERT_EQ(table.put(until(target, TG_NEVER), 1), Outcome::kStored);
  ASSERT_GE(memory.stash_count, 8U);
  for (const auto& target : chosen) EXPECT_EQ(memory.expiry_seen_by_datapath(target), TG_NEVER);

  for (std::size_t i = 0; i < 40; ++i) table.remove(chosen[i]);
  bool waited = false;
  table.drain_stash(1, [&] { waited = true; });
  EXPECT_TRUE(waited);
  EXPECT_EQ(memory.stash_count, 0U);
  EXPECT_EQ(table.size(), 32U);
  for (std::size_t i = 40; i < chosen.size(); ++i) EXPECT_EQ(memory.expiry_seen_by_datapath(chosen[i]), TG_NEVER);
}

TEST(BlockTableScale, TheFilterIsRenewedWhenRemovalsLeftItStale) {
  BlockMemory memory(100'000);
  BlockTable table(memory.view(), test_identity(), {});
  table.put_all(hosts(100'000), 1);
  for (std::uint32_t i = 0; i < 99'000; ++i) table.remove(host(i));
  table.fit_filter([] {});
  PrefixFilter filter(std::span(memory.filter).first(memory.filter_lines));
  std::uint32_t positives = 0;
  for (std::uint32_t i = 0; i < 99'000; ++i) {
    const auto identity = test_identity();
    positives += filter.may_contain(tg_prefix_hash(identity.seed, prefix_key(identity, host(i)))) ? 1 : 0;
  }
  EXPECT_LT(positives, 5'000U);
  for (std::uint32_t i = 99'000; i < 100'000; ++i) EXPECT_EQ(memory.expiry_seen_by_datapath(host(i)), TG_NEVER);
}

}  // namespace
}  // namespace tidegate::kernel
