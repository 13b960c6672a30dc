// SPDX-License-Identifier: Apache-2.0
// Ways of a set.
#include <gtest/gtest.h>

#include "tests/bpf_unit/stage.hpp"

namespace {

constexpr std::uint64_t kNow = 1'000'000;

TEST(Ways, TheLowestOfAKeyIsFound) {
  tg_key_set set{};
  set.key[3] = set.key[6] = 42;
  EXPECT_EQ(tg_find_way(&set, 42, 0), 3U);
  EXPECT_EQ(tg_find_way(&set, 43, 0), static_cast<__u32>(TG_NO_WAY));
}

TEST(Ways, AreCountedByKeyWhateverItsBits) {
  for (const std::uint64_t key : {1ULL, 42ULL, 1ULL << 63, ~0ULL, 0ULL}) {
    tg_key_set set;
    for (unsigned i = 0; i < TG_WAYS; ++i) set.key[i] = key ^ (1ULL << (9 * i));
    EXPECT_EQ(tg_count_ways(&set, key), 0U);
    for (unsigned i = 0; i < TG_WAYS; ++i) {
      set.key[(i * 3) % TG_WAYS] = key;
      EXPECT_EQ(tg_count_ways(&set, key), i + 1);
    }
  }
}

TEST(Ways, AWayInDebtIsNeverFree) {
  tg_key_set set{};
  tg_tat_set tats{};
  for (unsigned i = 0; i < TG_WAYS; ++i) {
    set.key[i] = i + 1;
    (i % 3 == 0 ? tats.way[i].packets : i % 3 == 1 ? tats.way[i].bytes : tats.way[i].syn) = kNow + 1;
  }
  EXPECT_EQ(tg_find_free(&set, &tats, kNow, 0), static_cast<__u32>(TG_NO_WAY));
  set.key[5] = 0;
  EXPECT_EQ(tg_find_free(&set, &tats, kNow, 0), static_cast<__u32>(TG_NO_WAY)) << "released, but in debt";
  EXPECT_EQ(tg_find_free(&set, &tats, kNow + 1, 0), 5U);
}

TEST(Ways, TheLongestIdleGoesFirstAndEmptyOnesBeforeIt) {
  tg_key_set set{};
  tg_tat_set tats{};
  for (unsigned i = 0; i < TG_WAYS; ++i) {
    set.key[i] = i + 1;
    tats.way[i].packets = kNow - 10 + (i + 3) % TG_WAYS;
  }
  EXPECT_EQ(tg_find_free(&set, &tats, kNow, 0), 5U);
  set.key[7] = 0;
  EXPECT_EQ(tg_find_free(&set, &tats, kNow, 0), 7U);
}

TEST(Ways, AReleasedWayHandsItsDebtOver) {
  tg_key_set set{};
  tg_tat_set tats{};
  set.key[2] = set.key[5] = 42;
  tats.way[2] = {.packets = kNow + 100, .bytes = 0, .syn = kNow + 1, .reserved = 0};
  tats.way[5] = {.packets = kNow + 50, .bytes = kNow + 7, .syn = kNow - 1, .reserved = 0};
  EXPECT_EQ(tg_release(&set, &tats, 42, 2, 5, kNow), 1);
  EXPECT_EQ(set.key[2], 42U);
  EXPECT_EQ(set.key[5], 0U);
  EXPECT_EQ(tats.way[2].packets, kNow + 150);
  EXPECT_EQ(tats.way[2].bytes, kNow + 7);
  EXPECT_EQ(tats.way[2].syn, kNow + 1);
}

TEST(Ways, AWayThatSomebodyElseTookIsLeftAlone) {
  tg_key_set set{};
  tg_tat_set tats{};
  set.key[2] = 42;
  set.key[5] = 43;
  tats.way[5].packets = kNow + 50;
  EXPECT_EQ(tg_release(&set, &tats, 42, 2, 5, kNow), 0);
  EXPECT_EQ(set.key[5], 43U);
  EXPECT_EQ(tats.way[2].packets, 0U);
}

}  // namespace
