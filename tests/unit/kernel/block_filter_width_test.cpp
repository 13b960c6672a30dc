// SPDX-License-Identifier: Apache-2.0
// How much of the filter in front of the block table is in use, and that no packet misses a block while that changes.
#include <gtest/gtest.h>

#include "tests/unit/kernel/block_memory.hpp"

namespace tidegate::kernel {
namespace {

constexpr std::uint64_t kEntries = 200'000;  // a filter of 8192 lines
constexpr std::uint32_t kNarrow = 512;

struct FilterWidth : testing::Test {
  BlockMemory memory{kEntries};
  BlockTable table{memory.view(), test_identity(), {}};
  unsigned waits = 0;

  void put(std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t i = first; i < first + count; ++i) {
      ASSERT_EQ(table.put(until(host(i), TG_NEVER), 1), BlockTable::Outcome::kStored);
    }
  }
  void remove(std::uint32_t first, std::uint32_t count) {
    for (std::uint32_t i = first; i < first + count; ++i) ASSERT_TRUE(table.remove(host(i)));
  }
  void fit() {
    table.fit_filter([this] { ++waits; });
  }
  void expect_all(std::uint32_t count, std::uint32_t lines) const {
    for (std::uint32_t i = 0; i < count; ++i) ASSERT_EQ(memory.expiry_seen_with_lines(host(i), lines), TG_NEVER) << i;
  }
  unsigned false_positives() const {
    unsigned positives = 0;
    const PrefixFilter filter(std::span(const_cast<BlockMemory&>(memory).filter).first(memory.filter_lines));
    for (std::uint64_t i = 0; i < 100'000; ++i) positives += filter.may_contain(tg_mix(i)) ? 1 : 0;
    return positives;
  }
};

TEST_F(FilterWidth, FewBlocksUseFewLines) {
  put(0, 10'000);
  EXPECT_EQ(memory.filter_lines, kNarrow);
  expect_all(10'000, kNarrow);
  EXPECT_LT(false_positives(), 3000U);
}

TEST_F(FilterWidth, GrowsWithTheTableAndHidesNothingFromAPacketThatReadTheOldWidth) {
  put(0, 16'384);
  ASSERT_EQ(memory.filter_lines, kNarrow);
  put(16'384, 1);
  ASSERT_EQ(memory.filter_lines, 4 * kNarrow);
  expect_all(16'385, 4 * kNarrow);
  expect_all(16'384, kNarrow);  // what was there when that packet began
}

TEST_F(FilterWidth, GrowsToTheWholeMap) {
  put(0, kEntries);
  EXPECT_EQ(memory.filter_lines, memory.filter.size());
  expect_all(kEntries, memory.filter_lines);
}

TEST_F(FilterWidth, ARebuildWaitsUntilNoPacketReadsTheOldWidth) {
  put(0, 20'000);
  std::vector<BlockTable::Entry> half;
  for (std::uint32_t i = 0; i < 10'000; ++i) half.push_back(until(host(i), TG_NEVER));
  table.begin_replacement();
  ASSERT_EQ(table.put_what_fits(half, 1), 0U);
  table.end_replacement();
  expect_all(10'000, kNarrow);
  fit();
  EXPECT_EQ(waits, 1U);
  expect_all(10'000, memory.filter_lines);
}

TEST_F(FilterWidth, ShrinksOnceWhenFewAreLeft) {
  put(0, 100'000);
  ASSERT_EQ(memory.filter_lines, memory.filter.size());
  fit();
  ASSERT_EQ(waits, 1U);
  remove(1000, 99'000);
  EXPECT_EQ(memory.filter_lines, memory.filter.size());
  table.fit_filter([this] {
    expect_all(1000, kNarrow);  // both widths hold while readers change over
    expect_all(1000, static_cast<std::uint32_t>(memory.filter.size()));
    ++waits;
  });
  EXPECT_EQ(memory.filter_lines, kNarrow);
  EXPECT_EQ(waits, 2U);
  expect_all(1000, kNarrow);
  EXPECT_LT(false_positives(), 100U);
  fit();
  EXPECT_EQ(waits, 2U);
}

TEST_F(FilterWidth, ShrinksOnlyWithRoomToGrowAgain) {
  put(0, 20'000);
  ASSERT_EQ(memory.filter_lines, 4 * kNarrow);
  remove(15'000, 5000);
  fit();
  EXPECT_EQ(memory.filter_lines, 4 * kNarrow);
}

TEST_F(FilterWidth, GrowsRightAgainAfterItShrank) {
  put(0, 100'000);
  remove(1000, 99'000);
  fit();
  put(1000, 99'000);
  EXPECT_EQ(memory.filter_lines, memory.filter.size());
  expect_all(100'000, memory.filter_lines);
}

TEST_F(FilterWidth, IsAdopted) {
  put(0, 20'000);
  const BlockTable next(memory.view(), test_identity(), table.lengths());
  EXPECT_EQ(memory.filter_lines, 4 * kNarrow);
  expect_all(20'000, memory.filter_lines);
}

TEST_F(FilterWidth, OfAnEmptyAdoptedTableStartsNarrow) {
  memory.filter_lines = 77;
  const BlockTable next(memory.view(), test_identity(), {});
  EXPECT_EQ(memory.filter_lines, kNarrow);
}

}  // namespace
}  // namespace tidegate::kernel
