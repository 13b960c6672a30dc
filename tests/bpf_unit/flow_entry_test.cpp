// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/bpf_unit/stage.hpp"

namespace {

constexpr __u64 kSeed[4] = {1, 2, 3, 4};
constexpr std::uint64_t kTick = 1ULL << TG_FLOW_TICK;

tg_flow flow(std::uint16_t local_port) {
  return {.local = {0, TG_V4_MAPPED | 1},
          .remote = {0, TG_V4_MAPPED | 2},
          .local_port = local_port,
          .remote_port = 53,
          .protocol = 17,
          .reserved = {}};
}

std::uint64_t hash_of(const tg_flow& f) { return tg_flow_hash(kSeed, &f); }

TEST(Flow, EveryFieldCounts) {
  const tg_flow base = flow(40000);
  tg_flow other = base;
  std::swap(other.local, other.remote);
  EXPECT_NE(hash_of(other), hash_of(base));
  other = base;
  other.protocol = 6;
  EXPECT_NE(hash_of(other), hash_of(base));
  other = base;
  other.remote_port = 54;
  EXPECT_NE(hash_of(other), hash_of(base));
  EXPECT_NE(hash_of(flow(40001)), hash_of(base));
  const __u64 another_secret[4] = {1, 2, 3, 5};
  EXPECT_NE(tg_flow_hash(another_secret, &base), hash_of(base));
}

TEST(Flow, IsFoundUntilItIsTooOld) {
  tg_flow_set set{};
  const std::uint64_t now = 5000 * kTick, hash = hash_of(flow(1));
  EXPECT_FALSE(tg_flow_find(&set, hash, now, 10));
  tg_flow_store(&set, hash, now);
  EXPECT_TRUE(tg_flow_find(&set, hash, now, 10));
  EXPECT_TRUE(tg_flow_find(&set, hash, now + 10 * kTick, 10));
  EXPECT_FALSE(tg_flow_find(&set, hash, now + 11 * kTick, 10));
  EXPECT_TRUE(tg_flow_find(&set, hash, now - kTick, 10)) << "the clock of another CPU lags";
}

TEST(Flow, TimeWraps) {
  tg_flow_set set{};
  const std::uint64_t wrap = (1ULL << TG_FLOW_TIME_BITS) * kTick, hash = hash_of(flow(1));
  tg_flow_store(&set, hash, wrap - kTick);
  EXPECT_TRUE(tg_flow_find(&set, hash, wrap + kTick, 10));
  EXPECT_FALSE(tg_flow_find(&set, hash, wrap + 12 * kTick, 10));
}

TEST(Flow, TheOldestMakesRoom) {
  tg_flow_set set{};
  const std::uint64_t now = 5000 * kTick;
  for (std::uint16_t i = 0; i < TG_FLOW_WAYS; ++i)
    tg_flow_store(&set, hash_of(flow(i)), now + (i == 3 ? 0 : i + 1U) * kTick);
  tg_flow_store(&set, hash_of(flow(99)), now + 20 * kTick);
  EXPECT_FALSE(tg_flow_find(&set, hash_of(flow(3)), now + 20 * kTick, 100));
  for (const int i : {0, 1, 2, 4, 5, 6, 7, 99}) {
    EXPECT_TRUE(tg_flow_find(&set, hash_of(flow(static_cast<std::uint16_t>(i))), now + 20 * kTick, 100)) << i;
  }
}

TEST(Flow, StoringAgainTakesNoSecondPlace) {
  tg_flow_set set{};
  for (unsigned i = 0; i < 100; ++i) tg_flow_store(&set, hash_of(flow(1)), (5000 + i) * kTick);
  unsigned used = 0;
  for (const auto entry : set.entry) used += entry != 0 ? 1 : 0;
  EXPECT_EQ(used, 1U);
}

}  // namespace
