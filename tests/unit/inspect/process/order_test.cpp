// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/process/order.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <thread>

#include "agent/inspect/wire/payload_codec.hpp"
#include "tests/unit/inspect/process/receiver.hpp"

namespace tidegate::inspect::process {
namespace {

using Sequences = std::vector<std::uint64_t>;

class OrderTest : public ChannelFixture {};

TEST_F(OrderTest, EachWaitsForThoseThatBeganBefore) {
  OrderedOutbox outbox(*inspector_);
  for (std::uint64_t i = 1; i <= 4; ++i) EXPECT_EQ(outbox.began(), i);
  outbox.finished(summary(3));
  outbox.finished(summary(2));
  outbox.finish();
  EXPECT_EQ(received(), (Sequences{2, 3})) << "at the end those that never ended are waited for no longer";
}

TEST_F(OrderTest, AnyOrderOfEndsGivesTheOrderOfBeginnings) {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    OrderedOutbox outbox(*inspector_);
    Sequences open;
    Sequences expected;
    for (int i = 0; i < 100; ++i) {
      if (open.empty() || random() % 2 == 0) {
        open.push_back(outbox.began());
        expected.push_back(open.back());
      } else {
        std::swap(open[random() % open.size()], open.back());
        outbox.finished(summary(open.back()));
        open.pop_back();
      }
    }
    std::ranges::shuffle(open, random);
    for (const std::uint64_t sequence : open) outbox.finished(summary(sequence));
    outbox.finish();
    EXPECT_EQ(received(), expected);
  }
}

TEST_F(OrderTest, OneThatDoesNotEndLosesItsTurnAtTheBound) {
  OrderedOutbox outbox(*inspector_, -1, 10);
  outbox.began();
  for (std::uint64_t i = 2; i <= 12; ++i) {
    outbox.began();
    outbox.finished(summary(i));
  }
  outbox.finished(summary(1));
  outbox.finish();
  Sequences found = received();
  EXPECT_EQ(found.size(), 12U);
  EXPECT_NE(found.front(), 1U);
  found.erase(std::ranges::find(found, 1U));
  EXPECT_TRUE(std::ranges::is_sorted(found));
}

// Behind one that never ends, no more than so many bytes wait; everything arrives all the same.
TEST_F(OrderTest, WhatWaitsIsBoundedInBytesToo) {
  constexpr std::size_t kEnough = 2 * OrderedOutbox::kMostBytes / kLongestPath;
  std::atomic<std::size_t> seen = 0;
  std::jthread reader([this, &seen] {
    for (auto message = agent_->receive(wire::Wait::kYes); message; message = agent_->receive(wire::Wait::kYes)) {
      if (!*message) continue;
      const auto decoded = wire::decode_to_agent((*message)->message);
      wire::SummaryReader records(std::get<wire::Summaries>(*decoded).records);
      for (Summary one; records.next(one);) ++seen;
    }
  });
  OrderedOutbox outbox(*inspector_);
  outbox.began();
  for (std::size_t i = 0; i < kEnough; ++i) {
    outbox.finished(summary(outbox.began(), kLongestPath));
    ASSERT_LE(outbox.waiting_bytes(), OrderedOutbox::kMostBytes);
  }
  outbox.finish();
  inspector_->close();
  reader.join();
  EXPECT_EQ(seen, kEnough);
}

// By its own number the reader finds what the examiner says of it.
TEST_F(OrderTest, APayloadTakesATurnBehindItsRequest) {
  auto ends = wire::Channel::pair();
  {
    OrderedOutbox outbox(*inspector_, ends->first.get());
    const std::uint64_t early = outbox.began();
    const std::uint64_t request = outbox.began();
    outbox.finished(summary(request));
    EXPECT_TRUE(outbox.sampled(summary(request), {.head = {}, .body = "q=1"}));
    outbox.finished(summary(early));
    outbox.finish();
  }
  EXPECT_EQ(received(), (Sequences{1, 2, 3}));
  std::array<std::byte, 1024> buffer{};
  const ssize_t size = recv(ends->second.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  ASSERT_GT(size, 0);
  wire::PayloadMessage payload;
  ASSERT_TRUE(wire::decode_payload(Bytes(buffer).first(static_cast<std::size_t>(size)), payload));
  EXPECT_EQ(payload.summary.sequence, 3U);
  EXPECT_EQ(payload.body, "q=1");
}

TEST_F(OrderTest, WithoutAnExaminerThereIsNoTurnToWaitFor) {
  OrderedOutbox none(*inspector_);
  EXPECT_FALSE(none.sampled(summary(1), {}));
  auto ends = wire::Channel::pair();
  ends->second.reset();
  OrderedOutbox outbox(*inspector_, ends->first.get());
  EXPECT_FALSE(outbox.sampled(summary(1), {}));
  outbox.finished(summary(outbox.began()));
  outbox.finish();
  EXPECT_EQ(received(), Sequences{2});
}

TEST_F(OrderTest, AReaderThatHasGoneIsNoticed) {
  OrderedOutbox outbox(*inspector_);
  agent_->close();
  outbox.finished(summary(outbox.began()));
  outbox.finish();
  EXPECT_FALSE(outbox.connected());
}

}  // namespace
}  // namespace tidegate::inspect::process
