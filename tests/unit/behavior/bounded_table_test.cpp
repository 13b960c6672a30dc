// SPDX-License-Identifier: Apache-2.0
#include "agent/behavior/bounded_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "agent/behavior/keyed_hash.hpp"

namespace tidegate::behavior {
namespace {

struct Value {
  std::vector<int> content;
  double worth = 1;
  std::size_t heap_bytes() const { return content.capacity() * sizeof(int); }
};

struct Judge {
  std::vector<double> gone;
  double worth(const Value& value) const { return value.worth; }
  void evicted(std::uint64_t, const Value& value) { gone.push_back(value.worth); }
};

using Table = BoundedTable<Value, Judge>;

std::uint64_t key_of(std::uint64_t i) { return keyed_hash({}, &i, sizeof(i)) | 1; }

TEST(BoundedTables, KeepWhatAMapKeeps) {
  Judge judge;
  Table table(100'000'000, judge);
  std::map<std::uint64_t, int> reference;
  std::mt19937 random(1);
  for (int i = 0; i < 200'000; ++i) {
    const std::uint64_t key = key_of(random() % 5000);
    if (random() % 3 == 0) {
      table.erase(key);
      reference.erase(key);
    } else {
      table.update(key, [&](Value& value) { value.content.assign(1, i); });
      reference[key] = i;
    }
  }
  EXPECT_EQ(table.size(), reference.size());
  for (const auto& [key, value] : reference) {
    ASSERT_NE(table.find(key), nullptr);
    EXPECT_EQ(table.find(key)->content.front(), value);
  }
  EXPECT_EQ(table.evictions(), 0U);
  for (const auto& [key, value] : reference) table.erase(key);
  EXPECT_EQ(table.size(), 0U);
}

TEST(BoundedTables, StayWithinTheirBudget) {
  Judge judge;
  constexpr std::uint64_t kBudget = 2'000'000;
  Table table(kBudget, judge);
  for (std::uint64_t i = 0; i < 500'000; ++i) {
    table.update(key_of(i), [&](Value& value) { value.content.resize(i % 64); });
    if (i % 1000 == 0) {
      ASSERT_LE(table.bytes(), kBudget + kBudget / 10);
    }
  }
  EXPECT_GT(table.evictions(), 100'000U);
  EXPECT_GT(table.bytes(), kBudget / 3) << "the budget is used";
}

TEST(BoundedTables, MakeRoomForThoseThatGrow) {
  Judge judge;
  constexpr std::uint64_t kBudget = 2'000'000;
  Table table(kBudget, judge);
  for (std::uint64_t i = 0; i < 10'000; ++i) table.update(key_of(i), [](Value&) {});
  for (std::uint64_t i = 0; i < 10'000; ++i) table.update(key_of(i), [](Value& value) { value.content.resize(250); });
  EXPECT_LE(table.bytes(), kBudget + kBudget / 10);
}

TEST(BoundedTables, LetTheLeastSuspiciousGo) {
  Judge judge;
  Table table(500'000, judge);
  constexpr std::uint64_t kSuspects = 200;
  for (std::uint64_t i = 0; i < kSuspects; ++i) table.update(key_of(i), [](Value& value) { value.worth = 0.9; });
  for (std::uint64_t i = 1000; i < 200'000; ++i) table.update(key_of(i), [](Value& value) { value.worth = 0.1; });
  std::uint64_t left = 0;
  for (std::uint64_t i = 0; i < kSuspects; ++i) left += table.find(key_of(i)) != nullptr ? 1 : 0;
  EXPECT_EQ(left, kSuspects);
  EXPECT_EQ(judge.gone.size(), table.evictions());
}

TEST(BoundedTables, SweepWhatIsOverForFree) {
  Judge judge;
  Table table(1'000'000, judge);
  for (std::uint64_t i = 0; i < 300'000; ++i) table.update(key_of(i), [](Value& value) { value.worth = -1; });
  EXPECT_EQ(table.evictions(), 0U);
  EXPECT_TRUE(judge.gone.empty());
  EXPECT_LT(table.size(), 5'000U);
}

}  // namespace
}  // namespace tidegate::behavior
