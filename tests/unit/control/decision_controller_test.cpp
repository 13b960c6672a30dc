// SPDX-License-Identifier: Apache-2.0
#include "agent/control/decision_controller.hpp"

#include <thread>

#include "agent/policy/compile.hpp"
#include "tests/unit/control/fixture.hpp"

namespace tidegate::control {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

class DecisionControllerTest : public testing::ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    apply_first();
  }
  DecisionController& decisions() { return controllers_->decisions; }
  bool blocked(const std::string& target) { return datapath_.blocks.contains(*Prefix::parse(target)); }
};

TEST_F(DecisionControllerTest, BlockIsStoredAndEnforced) {
  auto wanted = targets({"203.0.113.9", "2001:db8:bad::/48"});
  wanted.duration = hours(1);
  wanted.reason = "flood";
  const auto made = decisions().block(wanted);
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->size(), 2U);
  EXPECT_EQ(made->front().actor, "uid:0");
  EXPECT_EQ(made->front().expires, clock_.wall() + hours(1));
  EXPECT_TRUE(blocked("203.0.113.9"));
  EXPECT_TRUE(blocked("2001:db8:bad::/48"));
  EXPECT_EQ(datapath_.blocks.at(*Prefix::parse("203.0.113.9")).expires, clock_.monotonic() + hours(1));
  EXPECT_EQ(decisions().count(), 2U);
}

TEST_F(DecisionControllerTest, BadTargetsAreRefusedAsAWhole) {
  EXPECT_EQ(decisions().block(targets({})).error().code, ErrorCode::kInvalidArgument);
  const auto refused = decisions().block(targets({"203.0.113.9", "203.0.113.9/24"}));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("203.0.113.0/24"), std::string::npos) << "the one that was meant";
  EXPECT_EQ(decisions().count(), 0U);
  EXPECT_TRUE(datapath_.blocks.empty());
}

struct GuardedTarget {
  const char* name;
  const char* target;
};
class GuardRefusal : public DecisionControllerTest, public ::testing::WithParamInterface<GuardedTarget> {};

TEST_P(GuardRefusal, UnlessForcedAndThenItIsRecorded) {
  using Kind = decisions::Fact::Kind;
  facts_.facts = {{*Prefix::parse("203.0.113.1"), Kind::kOwnAddress, "eth0"},
                  {*Prefix::parse("203.0.113.254"), Kind::kGateway, "eth0"},
                  {*Prefix::parse("203.0.113.53"), Kind::kDnsServer, ""},
                  {*Prefix::parse("203.0.113.22"), Kind::kSshPeer, "connected to port 22"}};
  auto wanted = targets({GetParam().target});
  wanted.caller_peers = {"203.0.113.99"};
  const auto refused = decisions().block(wanted);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition) << refused.error().message;
  EXPECT_TRUE(datapath_.blocks.empty());
  EXPECT_EQ(decisions().count(), 0U);
  wanted.force = true;
  const auto made = decisions().block(wanted);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(made->front().forced);
  EXPECT_EQ(history_->audit_records(1)->front().action, "block");
}
INSTANTIATE_TEST_SUITE_P(
    Facts, GuardRefusal,
    ::testing::Values(GuardedTarget{"safelisted", "192.0.2.10"}, GuardedTarget{"around_safelisted", "192.0.2.0/24"},
                      GuardedTarget{"own", "203.0.113.1"}, GuardedTarget{"gateway", "203.0.113.254"},
                      GuardedTarget{"dns", "203.0.113.53"}, GuardedTarget{"ssh", "203.0.113.22"},
                      GuardedTarget{"caller", "203.0.113.99"}, GuardedTarget{"proxy", "198.51.100.7"}),
    [](const auto& fact) { return std::string(fact.param.name); });

TEST_F(DecisionControllerTest, ForcedIsNotDoneWhenItCannotBeRecorded) {
  auto wanted = targets({"192.0.2.10"});
  wanted.force = true;
  flaky_->fail_audit = true;
  EXPECT_FALSE(decisions().block(wanted));
  EXPECT_EQ(decisions().count(), 0U);
}

TEST_F(DecisionControllerTest, FullTableIsSaidAndUndone) {
  datapath_.block_capacity = 2;
  ASSERT_TRUE(decisions().block(targets({"203.0.113.1"})));
  const auto refused = decisions().block(targets({"203.0.113.2", "203.0.113.3"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(decisions().count(), 1U) << "the store holds what is enforced";
  EXPECT_EQ(datapath_.blocks.size(), 1U);
  EXPECT_TRUE(blocked("203.0.113.1"));
}

TEST_F(DecisionControllerTest, ReplacedDecisionComesBackWhenTheNewOneDoesNotFit) {
  datapath_.block_capacity = 1;
  auto first = targets({"203.0.113.1"});
  first.reason = "first";
  ASSERT_TRUE(decisions().block(first));
  auto second = targets({"203.0.113.1", "203.0.113.2"});
  second.reason = "second";
  ASSERT_FALSE(decisions().block(second));
  std::vector<std::string> reasons;
  ASSERT_TRUE(decisions().list({}, [&](const auto& decision) {
    reasons.push_back(decision.reason);
    return true;
  }));
  EXPECT_EQ(reasons, std::vector<std::string>{"first"});
  EXPECT_TRUE(blocked("203.0.113.1"));
}

TEST_F(DecisionControllerTest, UnblockNamesWhatStillCovers) {
  ASSERT_TRUE(decisions().block(targets({"203.0.113.9"})));
  ASSERT_TRUE(decisions().block(targets({"203.0.113.0/24"})));
  const auto outcomes = decisions().unblock({"203.0.113.9"}, "uid:0");
  ASSERT_TRUE(outcomes);
  EXPECT_EQ(outcomes->front().removed, 1U);
  ASSERT_EQ(outcomes->front().still_covering.size(), 1U);
  EXPECT_EQ(outcomes->front().still_covering.front().target.to_string(), "203.0.113.0/24");
  EXPECT_FALSE(blocked("203.0.113.9"));
  EXPECT_TRUE(blocked("203.0.113.0/24"));
  EXPECT_EQ(decisions().unblock({"203.0.113.77"}, "uid:0")->front().removed, 0U);
}

TEST_F(DecisionControllerTest, RemovalThatTheDatapathMissedIsRepaired) {
  ASSERT_TRUE(decisions().block(targets({"203.0.113.9"})));
  datapath_.fail_removals = 1;
  ASSERT_FALSE(decisions().unblock({"203.0.113.9"}, "uid:0"));
  EXPECT_FALSE(decisions().problem().empty());
  ASSERT_TRUE(decisions().tick());
  EXPECT_FALSE(blocked("203.0.113.9"));
  EXPECT_TRUE(decisions().problem().empty());
}

TEST_F(DecisionControllerTest, ExpiryLeavesTheOtherDecision) {
  auto brief = targets({"203.0.113.9"});
  brief.duration = minutes(1);
  ASSERT_TRUE(decisions().block(brief));
  std::vector<decisions::NewDecision> other(1);
  other[0].target = *Prefix::parse("203.0.113.9");
  other[0].origin = "feed:test";
  ASSERT_TRUE(decisions_->put(other));
  clock_.advance(minutes(2));
  ASSERT_TRUE(decisions().tick());
  ASSERT_TRUE(blocked("203.0.113.9"));
  EXPECT_FALSE(datapath_.blocks.at(*Prefix::parse("203.0.113.9")).expires) << "the feed's lasts";
  EXPECT_EQ(decisions().count(), 1U);
  EXPECT_GT(datapath_.sweeps, 0);
}

TEST_F(DecisionControllerTest, LimitReachesTheDatapath) {
  const decisions::LimitRates rates{Rate{100, std::chrono::seconds(1)}, std::nullopt};
  ASSERT_TRUE(decisions().limit(targets({"203.0.113.9"}), rates));
  const auto& entry = datapath_.limits.at(*Prefix::parse("203.0.113.9"));
  EXPECT_EQ(entry.packets_cost, 10'000'000U);
  EXPECT_EQ(entry.bytes_cost, 0U);
  EXPECT_FALSE(blocked("203.0.113.9"));
  EXPECT_EQ(decisions().limit(targets({"203.0.113.9"}), {}).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(decisions().unblock({"203.0.113.9"}, "uid:0"));
  EXPECT_TRUE(datapath_.limits.empty());
}

TEST_F(DecisionControllerTest, StartMakesTheTablesWhatTheStoreSays) {
  ASSERT_TRUE(decisions().block(targets({"203.0.113.9"})));
  datapath_.blocks.clear();
  datapath_.blocks[*Prefix::parse("203.0.113.200")] = {*Prefix::parse("203.0.113.200"), std::nullopt};
  crash();
  ASSERT_TRUE(controllers_->start());
  EXPECT_TRUE(blocked("203.0.113.9")) << "acknowledged: not lost";
  EXPECT_FALSE(blocked("203.0.113.200")) << "removed while no agent was there";
}

// A million at a time would be 40 MB for as long as a start lasts.
TEST_F(DecisionControllerTest, StartHoldsASmallPartOfTheDecisionsAtATime) {
  std::vector<decisions::NewDecision> many(20'000);
  for (std::uint32_t i = 0; i < many.size(); ++i) many[i].target = Prefix::host(Address::from_v4(0xc6120000U + i));
  ASSERT_TRUE(decisions_->put_many(many));
  crash();
  ASSERT_TRUE(controllers_->start());
  EXPECT_EQ(datapath_.blocks.size(), many.size());
  EXPECT_LE(datapath_.largest_part, 4096U);
}

// A table that was made smaller than what is stored: everything is read for each try.
TEST_F(DecisionControllerTest, ARepairThatFailedIsNotTriedEverySecond) {
  ASSERT_TRUE(decisions().block(targets({"203.0.113.1", "203.0.113.2"})));
  datapath_.block_capacity = 1;
  EXPECT_FALSE(decisions().start());
  EXPECT_FALSE(decisions().problem().empty());
  const int tried = datapath_.replacements;
  for (int second = 0; second < 9; ++second) {
    clock_.advance(seconds(1));
    const Status still = decisions().tick();
    ASSERT_FALSE(still);
    EXPECT_EQ(still.error().message, decisions().problem()) << "said all the while, not anew";
  }
  EXPECT_EQ(datapath_.replacements, tried);
  datapath_.block_capacity = 2;
  clock_.advance(seconds(1));
  EXPECT_TRUE(decisions().tick());
  EXPECT_EQ(datapath_.replacements, tried + 1);
  EXPECT_TRUE(decisions().problem().empty());
  EXPECT_TRUE(blocked("203.0.113.2"));
}

TEST_F(DecisionControllerTest, SetClockMovesExpiries) {
  auto brief = targets({"203.0.113.9"});
  brief.duration = hours(1);
  ASSERT_TRUE(decisions().block(brief));
  clock_.set_wall(clock_.wall() + minutes(30));
  ASSERT_TRUE(decisions().tick());
  EXPECT_EQ(datapath_.blocks.at(*Prefix::parse("203.0.113.9")).expires, clock_.monotonic() + minutes(30));
}

// The thread of the watchdog runs tick(), and status must answer while millions are imported.
TEST_F(DecisionControllerTest, LongChangeHoldsUpNeitherTheWatchdogNorStatus) {
  Status ticked;
  std::string problem = "not asked";
  datapath_.before_put_blocks = [&] {
    std::thread([&] {
      ticked = decisions().tick();
      problem = decisions().problem();
      EXPECT_EQ(controllers_->status.report().decisions, 0U) << "not yet acknowledged";
    }).join();
  };
  ASSERT_TRUE(decisions().block(targets({"203.0.113.9"})));
  EXPECT_TRUE(ticked);
  EXPECT_EQ(problem, "");
}

TEST_F(DecisionControllerTest, ManyDecisionsAreOneEvent) {
  std::vector<std::string> names;
  for (int n = 0; n < 200; ++n) names.push_back("203.0.113." + std::to_string(n));
  auto wanted = targets(names);
  wanted.duration = minutes(1);
  ASSERT_TRUE(decisions().block(wanted));
  clock_.advance(minutes(2));
  ASSERT_TRUE(decisions().tick());
  const auto events = telemetry_->events().since(WallTime{}, {});
  const auto is_decision = [](const auto& event) { return event.kind == telemetry::EventKind::kDecision; };
  EXPECT_EQ(std::count_if(events.begin(), events.end(), is_decision), 2);
}

TEST_F(DecisionControllerTest, DeleteByIdAndByOrigin) {
  const auto made = decisions().block(targets({"203.0.113.1", "203.0.113.2"}));
  ASSERT_TRUE(made);
  EXPECT_EQ(decisions().remove_ids({made->front().id}, "uid:0").value(), 1U);
  EXPECT_FALSE(blocked("203.0.113.1"));
  EXPECT_EQ(decisions().remove_origin("operator", "uid:0").value(), 1U);
  EXPECT_TRUE(datapath_.blocks.empty());
}

// --- A second limit never loosens or ends the first: the datapath sees the most specific one only.

class SecondLimit : public DecisionControllerTest {
 protected:
  static constexpr auto kSecond = std::chrono::seconds(1);
  void limit(const char* target, std::optional<Rate> packets, std::optional<Rate> bytes,
             std::optional<std::chrono::nanoseconds> duration = {}) {
    auto wanted = targets({target});
    wanted.duration = duration;
    const auto made = decisions().limit(wanted, {packets, bytes});
    ASSERT_TRUE(made) << made.error().message;
  }
  const kernel::LimitEntry& entry(const char* target) { return datapath_.limits.at(*Prefix::parse(target)); }
  static std::uint64_t cost(std::uint64_t per_second, bool bytes = false) {
    return policy::to_gcra(Rate{per_second, kSecond}, std::nullopt, bytes, std::chrono::milliseconds(4))->cost;
  }
};

TEST_F(SecondLimit, ALooserOneInsideAPrefixDoesNotLoosenThatOfThePrefix) {
  limit("203.0.113.0/24", Rate{10, kSecond}, std::nullopt);
  limit("203.0.113.9", Rate{1000, kSecond}, std::nullopt, hours(1));
  EXPECT_EQ(entry("203.0.113.9").packets_cost, cost(10));
  EXPECT_EQ(entry("203.0.113.9").expires, clock_.monotonic() + hours(1)) << "then the prefix counts by itself";
  limit("203.0.113.8", Rate{5, kSecond}, std::nullopt);
  EXPECT_EQ(entry("203.0.113.8").packets_cost, cost(5)) << "a tighter one is as it was given";
  EXPECT_EQ(entry("203.0.113.0/24").packets_cost, cost(10));
}

TEST_F(SecondLimit, OneOfBytesDoesNotSwitchOffThatOfPacketsAround) {
  limit("2001:db8::/32", Rate{10, kSecond}, std::nullopt);
  limit("2001:db8:1::/48", std::nullopt, Rate{5000, kSecond});
  EXPECT_EQ(entry("2001:db8:1::/48").packets_cost, cost(10));
  EXPECT_EQ(entry("2001:db8:1::/48").bytes_cost, cost(5000, true));
  EXPECT_EQ(entry("2001:db8::/32").bytes_cost, 0U);
}

TEST_F(SecondLimit, WhatIsInsideFollowsWhateverHappensToThePrefix) {
  limit("203.0.113.9", Rate{1000, kSecond}, std::nullopt);
  EXPECT_EQ(entry("203.0.113.9").packets_cost, cost(1000));
  limit("203.0.112.0/20", Rate{10, kSecond}, std::nullopt, minutes(5));
  EXPECT_EQ(entry("203.0.113.9").packets_cost, cost(10)) << "added";
  limit("203.0.112.0/20", Rate{20, kSecond}, std::nullopt, minutes(5));
  EXPECT_EQ(entry("203.0.113.9").packets_cost, cost(20)) << "replaced";
  clock_.advance(minutes(6));
  ASSERT_TRUE(decisions().tick());
  EXPECT_EQ(entry("203.0.113.9").packets_cost, cost(1000)) << "expired";
  limit("203.0.112.0/20", Rate{10, kSecond}, std::nullopt);
  ASSERT_TRUE(decisions().remove_origin("operator", "uid:0"));
  EXPECT_TRUE(datapath_.limits.empty()) << "removed, in whatever order";
}

TEST_F(SecondLimit, HoldsFromTheStartOn) {
  limit("203.0.113.9", Rate{1000, kSecond}, std::nullopt);
  limit("203.0.113.0/24", Rate{10, kSecond}, std::nullopt);
  datapath_.limits.clear();
  crash();
  ASSERT_TRUE(controllers_->start());
  EXPECT_EQ(entry("203.0.113.9").packets_cost, cost(10));
  ASSERT_TRUE(decisions().unblock({"203.0.113.0/24"}, "uid:0"));
  EXPECT_EQ(entry("203.0.113.9").packets_cost, cost(1000));
}

TEST_F(SecondLimit, TheEndOfTheShorterIsNotTheEndOfTheLonger) {
  limit("203.0.113.9", Rate{100, kSecond}, std::nullopt, hours(2));
  decisions::NewDecision shorter;
  shorter.target = *Prefix::parse("203.0.113.9");
  shorter.action = decisions::Action::kLimit;
  shorter.origin = "rule:guess";
  shorter.limit.packets = Rate{5, kSecond};
  shorter.expires = clock_.wall() + minutes(1);
  ASSERT_TRUE(decisions().decide(shorter, {}, std::nullopt));
  EXPECT_EQ(entry("203.0.113.9").packets_cost, cost(5));
  EXPECT_EQ(entry("203.0.113.9").expires, clock_.monotonic() + hours(2)) << "also while no agent is there";
  clock_.advance(minutes(2));
  ASSERT_TRUE(decisions().tick());
  EXPECT_EQ(entry("203.0.113.9").packets_cost, cost(100));
}

}  // namespace
}  // namespace tidegate::control
