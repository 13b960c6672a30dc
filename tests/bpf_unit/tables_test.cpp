// SPDX-License-Identifier: Apache-2.0
// The branch-free searches against plain ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <tuple>

#include "tests/bpf_unit/stage.hpp"

namespace {

TEST(Less, AgreesWithTheOperator) {
  std::mt19937_64 random(1);
  const std::uint64_t edges[] = {0, 1, 2, (1ULL << 63) - 1, 1ULL << 63, ~0ULL - 1, ~0ULL};
  for (const auto a : edges)
    for (const auto b : edges) EXPECT_EQ(tg_less(a, b), a < b ? 1U : 0U) << a << " " << b;
  for (int i = 0; i < 10000; ++i) {
    const std::uint64_t a = random(), b = random();
    EXPECT_EQ(tg_less(a, b), a < b ? 1U : 0U);
  }
}

TEST(ServiceTable, EveryPointIsInTheRangeThatHoldsIt) {
  std::mt19937 random(2);
  for (const unsigned count : {1U, 2U, 3U, 7U, 64U, 100U, 2000U}) {
    auto table = std::make_unique<tg_service_table>();
    std::set<std::uint32_t> starts{0};
    while (starts.size() < count) starts.insert(random() % (256U << 17));
    const unsigned first = count == 2000 ? 0 : 11;  // another class in front of it
    unsigned at = first;
    for (const auto start : starts) {
      table->start[at] = start;
      table->service[at] = static_cast<std::uint16_t>(at);
      ++at;
    }
    table->first[3] = static_cast<std::uint16_t>(first);
    table->first[4] = static_cast<std::uint16_t>(at);
    const auto expect = [&](std::uint32_t point) {
      const auto it = std::prev(starts.upper_bound(point));
      EXPECT_EQ(tg_service_of(table.get(), 3, point), first + static_cast<unsigned>(std::distance(starts.begin(), it)))
          << point;
    };
    for (const auto start : starts) {
      expect(start);
      if (start > 0) expect(start - 1);
    }
    for (int i = 0; i < 2000; ++i) expect(random() % (256U << 17));
  }
}

TEST(ServiceTable, AFullTableIsSearchedToItsEnd) {
  auto table = std::make_unique<tg_service_table>();
  for (unsigned i = 0; i < TG_RANGES; ++i) {
    table->start[i] = i * 3;
    table->service[i] = static_cast<std::uint16_t>(i % 250);
  }
  table->first[1] = TG_RANGES;
  for (unsigned i = 0; i < TG_RANGES; ++i) EXPECT_EQ(tg_service_of(table.get(), 0, i * 3 + 2), i % 250);
}

using Key = std::tuple<std::uint64_t, std::uint64_t>;

TEST(AddressTable, EveryAddressIsInTheRangeThatHoldsIt) {
  std::mt19937_64 random(3);
  for (const unsigned count : {1U, 2U, 5U, 200U, static_cast<unsigned>(TG_ADDRESS_RANGES)}) {
    auto table = std::make_unique<tg_address_table>();
    std::set<Key> starts{{0, 0}};
    while (starts.size() < count)
      starts.insert(random() % 2 == 0 ? Key{0, TG_V4_MAPPED | (random() & 0xffffffff)}
                                      : Key{random() % 64 << 58 | (random() & 3), random()});
    for (const auto& [hi, lo] : starts) {
      table->value[table->count] = static_cast<std::uint16_t>(table->count + 1);
      table->start[table->count++] = {hi, lo};
    }
    const auto expect = [&](std::uint64_t hi, std::uint64_t lo) {
      const auto it = std::prev(starts.upper_bound({hi, lo}));
      EXPECT_EQ(tg_address_value(table.get(), hi, lo), 1U + static_cast<unsigned>(std::distance(starts.begin(), it)));
    };
    for (const auto& [hi, lo] : starts) {
      expect(hi, lo);
      if (lo > 0) expect(hi, lo - 1);
    }
    for (int i = 0; i < 2000; ++i) expect(i % 2 == 0 ? 0 : random(), random());
  }
}

TEST(AddressTable, AnEmptyOrBrokenOneHoldsNothing) {
  auto table = std::make_unique<tg_address_table>();
  EXPECT_EQ(tg_address_value(table.get(), 5, 5), 0U);
  table->count = TG_ADDRESS_RANGES + 1;
  table->value[0] = 9;
  EXPECT_EQ(tg_address_value(table.get(), 5, 5), 0U);
}

TEST(AddressTable, TheFilterReadsTheBitOfItsFamily) {
  auto table = std::make_unique<tg_address_table>();
  const std::uint32_t bit4 = tg_filter4_bit(TG_V4_MAPPED | 0xc0000201), bit6 = tg_filter6_bit(0x20010db800000000);
  table->filter4[bit4 / 64] = 1ULL << (bit4 % 64);
  table->filter6[bit6 / 64] = 1ULL << (bit6 % 64);
  EXPECT_TRUE(tg_address_maybe(table.get(), 0, TG_V4_MAPPED | 0xc000ffff, 1));
  EXPECT_FALSE(tg_address_maybe(table.get(), 0, TG_V4_MAPPED | 0xc0010000, 1));
  EXPECT_TRUE(tg_address_maybe(table.get(), 0x20010db8aaaaaaaa, 7, 0));
  EXPECT_FALSE(tg_address_maybe(table.get(), 0x20010db900000000, 7, 0));
}

}  // namespace
