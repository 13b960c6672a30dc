// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tcp/reorder_queue.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace tidegate::inspect {
namespace {

class ReorderQueueTest : public testing::Test {
 protected:
  static Piece piece(std::uint64_t offset, std::string_view text) {
    return {offset, text.size(), reinterpret_cast<const std::byte*>(text.data())};
  }
  bool insert(std::uint64_t offset, std::string_view text, std::size_t limit = 1 << 20) {
    return queue_.insert(piece(offset, text), limit, memory_, conflict_);
  }
  // All that is kept, as "offset:text "; "-" for lost bytes.
  std::string drain() {
    std::string all;
    while (!queue_.empty()) {
      const auto chunk = queue_.pop(memory_);
      all += std::to_string(chunk.offset) + ":";
      for (std::uint64_t i = 0; i < chunk.size; ++i) all += chunk.bytes ? static_cast<char>(chunk.bytes[i]) : '-';
      all += " ";
    }
    return all;
  }
  void TearDown() override {
    drain();
    EXPECT_EQ(budget_.used(), 0U);
    EXPECT_EQ(queue_.charged(), 0U);
  }

  ReorderQueue queue_;
  MemoryBudget budget_{1 << 20};
  MemoryShare memory_{budget_, 1 << 20};
  bool conflict_ = false;
};

TEST_F(ReorderQueueTest, KeepsRangesInOrder) {
  insert(30, "ef");
  insert(10, "ab");
  insert(20, "cd");
  EXPECT_EQ(queue_.first_offset(), 10U);
  EXPECT_EQ(queue_.end_offset(), 32U);
  EXPECT_EQ(drain(), "10:ab 20:cd 30:ef ");
}

TEST_F(ReorderQueueTest, AdjacentRangesShareAChunk) {
  for (std::uint64_t i = 0; i < 1000; ++i) ASSERT_TRUE(insert(10 + i, "x", 4096));
  EXPECT_LE(queue_.charged(), 2100U);
  EXPECT_EQ(drain(), "10:" + std::string(1000, 'x') + " ");
}

TEST_F(ReorderQueueTest, WhatCameFirstStays) {
  insert(10, "bb");
  insert(14, "dd");
  EXPECT_TRUE(insert(8, "aaBBccDDee"));
  EXPECT_TRUE(conflict_);
  EXPECT_EQ(drain(), "8:aa 10:bbcc 14:ddee ");
}

TEST_F(ReorderQueueTest, EqualRepetitionIsNoConflict) {
  insert(10, "abcdef");
  insert(12, "cd");
  insert(8, "xxabcdefyy");
  EXPECT_FALSE(conflict_);
  insert(15, "Z");
  EXPECT_TRUE(conflict_);
}

TEST_F(ReorderQueueTest, LostBytesConflictWithNothing) {
  queue_.insert({10, 4, nullptr}, 1 << 20, memory_, conflict_);
  queue_.insert({14, 4, nullptr}, 1 << 20, memory_, conflict_);
  insert(9, "abcdefghij");
  EXPECT_FALSE(conflict_);
  EXPECT_EQ(drain(), "9:a 10:-------- 18:j ");
}

TEST_F(ReorderQueueTest, BoundsHoldAndARefusalLosesNothing) {
  EXPECT_FALSE(insert(10, std::string(200, 'x'), 200));
  EXPECT_TRUE(queue_.empty());
  EXPECT_TRUE(insert(10, "abc", 200));
  EXPECT_FALSE(insert(100, std::string(150, 'y'), 200));
  ASSERT_TRUE(budget_.take(budget_.limit() - budget_.used()));
  EXPECT_FALSE(insert(300, "z"));
  budget_.give_back(budget_.limit() - queue_.charged());
  EXPECT_TRUE(insert(300, "z"));
  EXPECT_EQ(drain(), "10:abc 300:z ");
}

TEST_F(ReorderQueueTest, TheNumberOfRangesIsBounded) {
  std::uint64_t kept = 0;
  while (kept < 10'000 && insert(10 * kept, "x")) ++kept;
  EXPECT_EQ(kept, ReorderQueue::kMostChunks);
}

}  // namespace
}  // namespace tidegate::inspect
