// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/engine/waiting.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace tidegate::inspect {
namespace {

class FakeWaiter final : public Waiter {
 public:
  explicit FakeWaiter(WaitingFlows& flows) : flows_(flows) {}
  void keys_arrived(WallTime) override {
    ++woken;
    if (leaves) flows_.remove(*this);
  }
  void time_passed(WallTime) override {
    ++ticks;
    if (leaves) flows_.remove(*this);
  }
  int woken = 0;
  int ticks = 0;
  bool leaves = false;

 private:
  WaitingFlows& flows_;
};

ClientRandom random_of(int number) {
  ClientRandom random{};
  random[31] = static_cast<std::byte>(number);
  return random;
}

Flow flow_from(std::uint16_t port) { return {{Address::from_v4(1), port}, {Address::from_v4(2), 443}}; }

class WaitingTest : public testing::Test {
 protected:
  FakeWaiter& waiter() { return *waiters_.emplace_back(std::make_unique<FakeWaiter>(flows_)); }
  WaitingFlows flows_{42};
  std::vector<std::unique_ptr<FakeWaiter>> waiters_;
};

TEST_F(WaitingTest, WhoWaitsForARandomIsFoundByIt) {
  FakeWaiter& one = waiter();
  FakeWaiter& two = waiter();
  flows_.add(one, random_of(1), flow_from(1));
  flows_.add(two, random_of(2), flow_from(2));
  flows_.arrived({random_of(2), std::nullopt}, {});
  EXPECT_EQ(one.woken, 0);
  EXPECT_EQ(two.woken, 1);
}

TEST_F(WaitingTest, WithoutARandomByTheEndpoints) {
  FakeWaiter& one = waiter();
  flows_.add(one, std::nullopt, flow_from(7));
  flows_.arrived({random_of(2), flow_from(8)}, {});
  EXPECT_EQ(one.woken, 0);
  flows_.arrived({random_of(2), flow_from(7)}, {});
  EXPECT_EQ(one.woken, 1);
}

TEST_F(WaitingTest, WhatIsWaitedForMayChange) {
  FakeWaiter& one = waiter();
  flows_.add(one, random_of(1), flow_from(1));
  flows_.add(one, random_of(2), flow_from(1));
  EXPECT_EQ(flows_.size(), 1U);
  flows_.arrived({random_of(1), std::nullopt}, {});
  EXPECT_EQ(one.woken, 0);
  flows_.arrived({random_of(2), std::nullopt}, {});
  EXPECT_EQ(one.woken, 1);
}

TEST_F(WaitingTest, LeavingWhileCalledHarmsNobody) {
  for (int i = 0; i < 5; ++i) {
    FakeWaiter& each = waiter();
    each.leaves = true;
    flows_.add(each, random_of(3), flow_from(static_cast<std::uint16_t>(i)));
  }
  flows_.arrived({random_of(3), std::nullopt}, {});
  EXPECT_EQ(flows_.size(), 0U);
  for (const auto& each : waiters_) EXPECT_EQ(each->woken, 1);
  flows_.arrived({random_of(3), std::nullopt}, {});
  for (const auto& each : waiters_) EXPECT_EQ(each->woken, 1);
}

TEST_F(WaitingTest, TimeAndLossReachEveryone) {
  for (int i = 0; i < 20; ++i) {
    FakeWaiter& each = waiter();
    each.leaves = i % 2 == 0;
    flows_.add(each, random_of(i), flow_from(1));
  }
  flows_.time_passed({});
  EXPECT_EQ(flows_.size(), 10U);
  flows_.everything_may_have_arrived({});
  for (std::size_t i = 0; i < waiters_.size(); ++i) {
    EXPECT_EQ(waiters_[i]->ticks, 1);
    EXPECT_EQ(waiters_[i]->woken, i % 2 == 0 ? 0 : 1);
  }
}

// An attacker who repeats one client random costs a bounded number of calls for each key that arrives.
TEST_F(WaitingTest, OneRandomManyTimesIsBounded) {
  for (int i = 0; i < 1000; ++i) flows_.add(waiter(), random_of(9), flow_from(1));
  flows_.arrived({random_of(9), std::nullopt}, {});
  int woken = 0;
  for (const auto& each : waiters_) woken += each->woken;
  EXPECT_EQ(woken, 8);
  for (const auto& each : waiters_) flows_.remove(*each);
  EXPECT_EQ(flows_.size(), 0U);
}

}  // namespace
}  // namespace tidegate::inspect
