// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/process/outbox.hpp"

#include <algorithm>

#include "tests/unit/inspect/process/receiver.hpp"

namespace tidegate::inspect::process {
namespace {

class OutboxTest : public ChannelFixture {};

TEST_F(OutboxTest, NothingIsSentUntilItIsAsked) {
  Outbox outbox(*inspector_);
  outbox.finished(summary(outbox.began()));
  EXPECT_TRUE(received().empty());
  EXPECT_TRUE(outbox.flush());
  EXPECT_EQ(received(), std::vector<std::uint64_t>{1});
  EXPECT_TRUE(outbox.flush());
  EXPECT_TRUE(received().empty());
}

// The channel is full: what was there is kept in order, up to the bound; the rest is dropped and counted.
TEST_F(OutboxTest, AnAgentThatDoesNotReadCostsSummariesOnly) {
  Outbox outbox(*inspector_);
  constexpr std::uint64_t kMany = 4000;
  for (std::uint64_t i = 0; i < kMany; ++i) outbox.finished(summary(outbox.began(), kLongestPath));
  EXPECT_TRUE(outbox.flush());
  const std::uint64_t dropped = outbox.take_dropped();
  EXPECT_GT(dropped, 0U);
  EXPECT_EQ(outbox.take_dropped(), 0U);
  std::vector<std::uint64_t> found;
  for (int round = 0; round < 100; ++round) {
    const auto more = received();
    found.insert(found.end(), more.begin(), more.end());
    outbox.flush();
  }
  EXPECT_EQ(found.size() + dropped, kMany);
  EXPECT_TRUE(std::ranges::is_sorted(found));
  EXPECT_EQ(std::ranges::adjacent_find(found), found.end());
  outbox.finished(summary(9999));
  EXPECT_TRUE(outbox.flush());
  EXPECT_EQ(received(), std::vector<std::uint64_t>{9999}) << "it recovers";
}

TEST_F(OutboxTest, AnAgentThatHasGoneIsNoticed) {
  Outbox outbox(*inspector_);
  agent_->close();
  outbox.finished(summary(1));
  EXPECT_FALSE(outbox.flush());
}

}  // namespace
}  // namespace tidegate::inspect::process
