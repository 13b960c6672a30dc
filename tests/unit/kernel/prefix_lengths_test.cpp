// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/prefix_lengths.hpp"

#include <gtest/gtest.h>

namespace tidegate::kernel {
namespace {

struct PublisherTest : testing::Test {
  tg_lengths lists[2]{};
  std::uint32_t which = 0;
  unsigned waits = 0;
  LengthPublisher publisher{lists, which, [this] { ++waits; }};
};

tg_lengths only_v4(std::uint8_t length) {
  tg_lengths lengths{};
  lengths.count4 = 1;
  lengths.v4[0] = length;
  return lengths;
}

TEST_F(PublisherTest, FlipsToAListThatNobodyReads) {
  publisher.publish(only_v4(128));
  EXPECT_EQ(which, 1U);
  EXPECT_EQ(lists[1].v4[0], 128);
  EXPECT_EQ(lists[0].count4, 0);  // what readers of the old half still see is untouched
}

TEST_F(PublisherTest, WaitsForReadersBeforeAHalfIsWrittenAgain) {
  publisher.publish(only_v4(128));
  publisher.publish(only_v4(120));
  EXPECT_EQ(waits, 2U);
  EXPECT_EQ(which, 0U);
}

TEST_F(PublisherTest, DoesNothingWhenNothingChanged) {
  publisher.publish(only_v4(128));
  const unsigned before = waits;
  publisher.publish(only_v4(128));
  EXPECT_EQ(waits, before);
  EXPECT_EQ(which, 1U);
}

TEST(LengthCounts, AdoptedLengthsStayWhileUnknownEntriesAreLeft) {
  LengthCounts counts;
  tg_lengths listed{};
  listed.count6 = 2;
  listed.v6[0] = 128;
  listed.v6[1] = 48;
  counts.adopt(listed);
  counts.add(false, LengthCounts::kUnknown);
  EXPECT_EQ(counts.listed().count6, 2);
  counts.add(false, 64);
  EXPECT_EQ(counts.listed().count6, 3);
  counts.remove(false, LengthCounts::kUnknown);
  EXPECT_EQ(counts.listed().count6, 1);
  EXPECT_EQ(counts.listed().v6[0], 64);
}

}  // namespace
}  // namespace tidegate::kernel
