// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tls/record.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/inspect/tls/feed.hpp"

namespace tidegate::inspect::test {
namespace {

TEST(RecordTest, BoundsOfHeaders) {
  const auto size = [](const std::string& header) { return record_size(bytes_of(header)); };
  EXPECT_EQ(size(std::string("\x16\x03\x01\x02\x00", 5)), 517U);
  EXPECT_EQ(size(std::string("\x17\x03\x03\x48\x00", 5)), 5U + (1 << 14) + 2048);
  EXPECT_EQ(size(std::string("\x17\x03\x03\x00\x00", 5)), 5U);
  EXPECT_FALSE(size(std::string("\x17\x03\x03\x48\x01", 5)));
  EXPECT_FALSE(size(std::string("\x13\x03\x03\x00\x01", 5)));
  EXPECT_FALSE(size(std::string("\x19\x03\x03\x00\x01", 5)));
  EXPECT_FALSE(size(std::string("\x17\x04\x03\x00\x01", 5)));
  EXPECT_EQ(size(std::string("\x16\x03\x05\x00\x01", 5)), 6U) << "no server looks at the minor version";
  EXPECT_EQ(size(std::string("\x16\x03\xff\x00\x01", 5)), 6U);
}

TEST(PartialRecordTest, TakesOneRecordAndLeavesTheRest) {
  MemoryBudget budget(1 << 20);
  BufferPool pool(budget);
  PartialRecord record;
  const std::string text = std::string("\x17\x03\x03\x00\x04", 5) + "bodynext";
  for (std::size_t i = 0; i < 8; ++i) {
    Bytes one = bytes_of(text).subspan(i, 1);
    ASSERT_EQ(record.add(one, pool), PartialRecord::State::kIncomplete);
  }
  Bytes rest = bytes_of(text).subspan(8);
  ASSERT_EQ(record.add(rest, pool), PartialRecord::State::kComplete);
  EXPECT_EQ(rest.size(), 4U);
  EXPECT_EQ(record.record().body().size(), 4U);
  EXPECT_EQ(budget.used(), BufferPool::kSmall);
  record.clear();
  EXPECT_EQ(budget.used(), 0U);
}

// A header that promises 16 KiB costs nothing until they come.
TEST(PartialRecordTest, GrowsWithWhatCame) {
  MemoryBudget budget(1 << 20);
  BufferPool pool(budget);
  PartialRecord record;
  const std::string text = std::string("\x17\x03\x03\x40\x00", 5) + std::string(16'384, 'b');
  Bytes some = bytes_of(text).first(1000);
  record.add(some, pool);
  EXPECT_EQ(budget.used(), BufferPool::kSmall);
  Bytes rest = bytes_of(text).subspan(1000);
  EXPECT_EQ(record.add(rest, pool), PartialRecord::State::kComplete);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(record.record().body().data()), 16'384), text.substr(5));
  EXPECT_EQ(budget.used(), BufferPool::kLarge);
}

TEST(PartialRecordTest, HolesStayInsideTheRecord) {
  MemoryBudget budget(1 << 20);
  BufferPool pool(budget);
  PartialRecord record;
  EXPECT_FALSE(record.add_hole(1, pool)) << "nothing is known yet";
  const std::string text = std::string("\x17\x03\x03\x00\x64", 5) + "begin";
  Bytes begin = bytes_of(text);
  record.add(begin, pool);
  EXPECT_FALSE(record.add_hole(96, pool));
  EXPECT_TRUE(record.add_hole(50, pool));
  const std::string middle = "..";
  Bytes between = bytes_of(middle);
  record.add(between, pool);
  EXPECT_TRUE(record.add_hole(40, pool));
  const std::string tail = "...";
  Bytes end = bytes_of(tail);
  EXPECT_EQ(record.add(end, pool), PartialRecord::State::kComplete);
  EXPECT_TRUE(record.record().damaged());
  EXPECT_EQ(record.record().hole_begin, 5U);
  EXPECT_EQ(record.record().hole_end, 97U) << "from the first one's begin to the last one's end";
}

TEST(PartialRecordTest, WithoutMemoryThereIsNoRecord) {
  MemoryBudget budget(BufferPool::kSmall - 1);
  BufferPool pool(budget);
  PartialRecord record;
  const std::string text("\x17\x03", 2);
  Bytes bytes = bytes_of(text);
  EXPECT_EQ(record.add(bytes, pool), PartialRecord::State::kNoMemory);
}

}  // namespace
}  // namespace tidegate::inspect::test
