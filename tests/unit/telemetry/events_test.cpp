// SPDX-License-Identifier: Apache-2.0
#include "agent/telemetry/events.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace tidegate::telemetry {
namespace {

using std::chrono::minutes;
constexpr std::chrono::milliseconds kNoWait{0};
const WallTime kNow{std::chrono::hours(500000)};

Event packet(std::uint32_t source, std::uint16_t reason, WallTime time = kNow) {
  Event event;
  event.time = time;
  event.kind = EventKind::kDrop;
  event.source = Address::from_v4(source);
  event.reason = reason;
  return event;
}

Event act(const char* message) {
  Event event;
  event.time = kNow;
  event.kind = EventKind::kPolicy;
  event.message = message;
  return event;
}

TEST(EventLog, KeepsTheNewestWithinItsBounds) {
  EventLog log(100);
  for (std::uint32_t n = 0; n < 250; ++n) log.add(packet(n, 1));
  const auto all = log.since(WallTime{}, {});
  ASSERT_EQ(all.size(), 100U);
  EXPECT_EQ(all.front().source, Address::from_v4(150));
  EXPECT_EQ(all.back().number, 250U);
}

TEST(EventLog, OldOnesLoseTheirDetails) {
  EventLog log;
  Event event;
  event.decision = std::make_shared<const DecisionDetail>();
  for (std::size_t i = 0; i < EventLog::kDetailed + 10; ++i) log.add(event);
  const auto all = log.since(WallTime{}, {});
  const auto detailed = std::count_if(all.begin(), all.end(), [](const Event& e) { return e.decision != nullptr; });
  EXPECT_EQ(static_cast<std::size_t>(detailed), EventLog::kDetailed);
  EXPECT_FALSE(all.front().decision);
  EXPECT_TRUE(all.back().decision);
}

TEST(EventLog, ForgetsWhatIsOld) {
  EventLog log;
  log.add(packet(1, 1, kNow));
  log.add(packet(2, 1, kNow + EventLog::kAge + minutes(1)));
  EXPECT_EQ(log.since(WallTime{}, {}).size(), 1U);
}

TEST(EventLog, FiltersBySourceReasonAndTime) {
  EventLog log;
  log.add(packet(0xcb007101, 12));
  log.add(packet(0xcb007102, 15));
  log.add(act("applied"));
  log.add(packet(0xc6336401, 12, kNow + minutes(1)));
  EXPECT_EQ(log.since(WallTime{}, {.source = Prefix::parse("203.0.113.0/24").value()}).size(), 2U);
  EXPECT_EQ(log.since(WallTime{}, {.reason = 12}).size(), 2U);
  EXPECT_EQ(log.since(kNow + minutes(1), {}).size(), 1U);
  EXPECT_EQ(log.since(WallTime{}, {.acts_only = true}).size(), 1U);
}

TEST(EventLog, FollowersGetWhatComes) {
  EventLog log;
  log.add(packet(1, 1));
  const auto follower = log.follow({});
  EXPECT_FALSE(follower->next(kNoWait));
  log.add(packet(2, 1));
  const auto event = follower->next(kNoWait);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->source, Address::from_v4(2));
}

TEST(EventLog, SlowFollowerLosesTheOldestAndIsTold) {
  EventLog log;
  const auto slow = log.follow({});
  for (std::uint32_t n = 0; n < Follower::kQueue + 10; ++n) log.add(packet(n, 1));
  EXPECT_EQ(slow->take_lost(), 10U);
  EXPECT_EQ(slow->take_lost(), 0U);
  EXPECT_EQ(slow->next(kNoWait)->source, Address::from_v4(10));
}

TEST(EventLog, FollowersAreBoundedAndGoneOnesMakeRoom) {
  EventLog log;
  std::vector<std::shared_ptr<Follower>> followers;
  for (std::size_t n = 0; n < EventLog::kFollowers; ++n) followers.push_back(log.follow({}));
  EXPECT_EQ(log.follow({}), nullptr);
  followers.pop_back();
  EXPECT_NE(log.follow({}), nullptr);
}

TEST(EventLog, CloseWakesAWaitingFollower) {
  EventLog log;
  const auto follower = log.follow({});
  std::thread waiting([&] { EXPECT_FALSE(follower->next(std::chrono::minutes(1))); });
  log.close();
  waiting.join();
  EXPECT_TRUE(follower->closed());
  EXPECT_EQ(log.follow({}), nullptr);
}

}  // namespace
}  // namespace tidegate::telemetry
