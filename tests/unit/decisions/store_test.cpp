// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/store.hpp"

#include <gmock/gmock.h>

#include "tests/unit/decisions/support.hpp"

namespace tidegate::decisions {
namespace {

using namespace std::chrono_literals;
using test::address;
using test::all_of;
using test::block;
using test::effect_of;
using test::limit;
using test::prefix;
using test::put;
using test::until;
using test::value_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override { reopen(); }

  void reopen() {
    store_.reset();
    auto store = Store::open(directory_ / "decisions.db", clock_);
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
  }

  std::vector<std::string> origins(const std::vector<Decision>& decisions) {
    std::vector<std::string> names;
    for (const Decision& decision : decisions) names.push_back(decision.origin);
    return names;
  }

  WallTime now() const { return clock_.wall(); }

  test::TempDir directory_;
  ManualClock clock_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, RemembersRepeatersLongerThanTheirDecisions) {
  const auto decide = [&](const char* target, std::uint32_t decisions, std::chrono::nanoseconds memory) {
    const std::vector<NewDecision> drafts{until(block(target, "rule:login"), now() + 1min)};
    const std::vector<Repeater> repeaters{{.target = prefix(target),
                                           .origin = "rule:login",
                                           .decisions = decisions,
                                           .quiet_until = now() + 1min,
                                           .until = now() + memory}};
    ASSERT_TRUE(store_->put(drafts, {}, repeaters));
  };
  decide("203.0.113.7", 1, 1h);
  decide("203.0.113.7", 2, 2h);
  decide("203.0.113.8", 1, 10min);
  clock_.advance(5min);
  EXPECT_THAT(value_of(store_->remove_expired(10)), SizeIs(2));
  reopen();
  auto known = value_of(store_->repeaters());
  ASSERT_THAT(known, SizeIs(2));
  EXPECT_EQ(known[1].target.to_string(), "203.0.113.7");
  EXPECT_EQ(known[1].origin, "rule:login");
  EXPECT_EQ(known[1].decisions, 2U);
  EXPECT_EQ(known[1].until, now() - 5min + 2h);
  clock_.advance(10min);
  known = value_of(store_->repeaters());
  EXPECT_THAT(known, SizeIs(1));
  // An error of the change undoes what is remembered as well.
  const std::vector<NewDecision> drafts{block("203.0.113.9", "rule:login")};
  const std::vector<Repeater> repeaters{{.target = prefix("203.0.113.9"), .origin = "rule:login", .until = now() + 1h}};
  EXPECT_FALSE(store_->put(
      drafts, [](const Effects&) -> Status { return fail(ErrorCode::kUnavailable, "full"); }, repeaters));
  EXPECT_THAT(value_of(store_->repeaters()), SizeIs(1));
}

TEST_F(StoreTest, KeepsEveryFieldAcrossReopen) {
  NewDecision decision =
      limit("2001:db8::/32", {.packets = Rate{100, 1s}, .bytes = Rate{1'000'000, 60s}}, "rule:login");
  decision.reason = "10 × 401 in 1m";
  decision.expires = now() + 1h;
  decision.forced = true;
  decision.actor = "uid:0";
  const auto stored = put(*store_, {decision});
  ASSERT_THAT(stored, SizeIs(1));
  reopen();
  const auto all = all_of(*store_);
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].id, stored[0].id);
  EXPECT_EQ(all[0].target, decision.target);
  EXPECT_EQ(all[0].action, Action::kLimit);
  EXPECT_EQ(all[0].origin, "rule:login");
  EXPECT_EQ(all[0].reason, decision.reason);
  EXPECT_EQ(all[0].expires, decision.expires);
  EXPECT_EQ(all[0].limit, decision.limit);
  EXPECT_TRUE(all[0].forced);
  EXPECT_EQ(all[0].actor, "uid:0");
  EXPECT_EQ(all[0].created, now());
}

TEST_F(StoreTest, DecisionsOfSeveralOriginsStandSideBySide) {
  put(*store_, {block("192.0.2.1"), block("192.0.2.1", "feed:x"), block("192.0.2.1", "rule:y")});
  EXPECT_THAT(all_of(*store_), SizeIs(3));
  const auto removed = value_of(store_->remove_target(prefix("192.0.2.1"), "operator"));
  EXPECT_THAT(origins(removed), ElementsAre("operator"));
  EXPECT_THAT(origins(all_of(*store_)), ElementsAre("feed:x", "rule:y"));
  EXPECT_TRUE(effect_of(*store_, "192.0.2.1").blocked);
}

TEST_F(StoreTest, TheSameOriginReplacesWithANewId) {
  const auto first = put(*store_, {until(block("192.0.2.1"), now() + 1h)});
  const auto second = put(*store_, {block("192.0.2.1")});
  const auto all = all_of(*store_);
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].id, second[0].id);
  EXPECT_GT(second[0].id, first[0].id);
  EXPECT_FALSE(all[0].expires);
}

TEST_F(StoreTest, BlockAndLimitOfOneOriginAreTwoDecisions) {
  put(*store_, {block("192.0.2.1"), limit("192.0.2.1", {.packets = Rate{5, 1s}, .bytes = {}})});
  EXPECT_THAT(all_of(*store_), SizeIs(2));
  const Effect effect = effect_of(*store_, "192.0.2.1");
  EXPECT_TRUE(effect.blocked);
  EXPECT_TRUE(effect.limited);
}

TEST_F(StoreTest, IdsAreNeverGivenTwice) {
  const auto first = put(*store_, {block("192.0.2.1"), block("192.0.2.2")});
  ASSERT_THAT(value_of(store_->remove_origin("operator")), SizeIs(2));
  reopen();
  EXPECT_GT(put(*store_, {block("192.0.2.3")})[0].id, first[1].id);
}

TEST_F(StoreTest, AnOldIdRemovesNothingOfAnother) {
  const auto stored = put(*store_, {block("192.0.2.1"), block("192.0.2.2")});
  const std::int64_t ids[] = {stored[1].id, stored[1].id, 999};
  EXPECT_THAT(value_of(store_->remove_ids(ids)), SizeIs(1));
  EXPECT_THAT(value_of(store_->remove_ids(ids)), IsEmpty());
  EXPECT_THAT(all_of(*store_), SizeIs(1));
}

TEST_F(StoreTest, WhatExpiredIsNeitherShownNorInForce) {
  put(*store_, {until(block("192.0.2.1"), now() + 10s), block("192.0.2.2")});
  EXPECT_EQ(value_of(store_->count()), 2U);
  clock_.advance(10s);
  EXPECT_THAT(all_of(*store_), SizeIs(1));
  EXPECT_THAT(value_of(store_->covering(prefix("192.0.2.1"))), IsEmpty());
  EXPECT_FALSE(effect_of(*store_, "192.0.2.1").blocked);
  EXPECT_EQ(value_of(store_->count()), 1U);
}

TEST_F(StoreTest, RemovesExpiredInBoundedSteps) {
  put(*store_, {until(block("192.0.2.1"), now() + 1s), until(block("192.0.2.2"), now() + 2s), block("192.0.2.3"),
                until(block("192.0.2.4"), now() + 1h)});
  EXPECT_THAT(value_of(store_->remove_expired(10)), IsEmpty());
  clock_.advance(5s);
  const auto first = value_of(store_->remove_expired(1));
  ASSERT_THAT(first, SizeIs(1));
  EXPECT_EQ(first[0].target, prefix("192.0.2.1"));
  EXPECT_THAT(value_of(store_->remove_expired(10)), SizeIs(1));
  EXPECT_THAT(value_of(store_->remove_expired(10)), IsEmpty());
  EXPECT_THAT(all_of(*store_), SizeIs(2));
}

TEST_F(StoreTest, ExpiryIsNeverEarly) {
  const auto stored = put(*store_, {until(block("192.0.2.1"), now() + 1500us)});
  EXPECT_EQ(stored[0].expires, now() + 2ms);
  EXPECT_EQ(all_of(*store_)[0].expires, now() + 2ms);
}

TEST_F(StoreTest, CoveringGoesFromTheMostSpecific) {
  put(*store_, {block("192.0.0.0/16"), block("192.0.2.0/24"), block("192.0.2.7"), block("192.0.3.0/24"),
                block("2001:db8::/32")});
  std::vector<Prefix> targets;
  for (const Decision& decision : value_of(store_->covering(prefix("192.0.2.7")))) targets.push_back(decision.target);
  EXPECT_THAT(targets, ElementsAre(prefix("192.0.2.7"), prefix("192.0.2.0/24"), prefix("192.0.0.0/16")));
  // A prefix is covered only by what covers all of it.
  EXPECT_THAT(value_of(store_->covering(prefix("192.0.2.0/25"))), SizeIs(2));
  EXPECT_THAT(value_of(store_->covering(prefix("2001:db8:1::1"))), SizeIs(1));
}

TEST_F(StoreTest, ListIsFilteredByOriginAddressAndNumber) {
  put(*store_, {block("192.0.2.0/24"), block("192.0.2.7", "feed:x"), block("198.51.100.1", "feed:x")});
  EXPECT_THAT(all_of(*store_, {.origin = "feed:x", .contains = {}}), SizeIs(2));
  EXPECT_THAT(all_of(*store_, {.origin = "nobody", .contains = {}}), IsEmpty());
  EXPECT_THAT(all_of(*store_, {.origin = {}, .contains = address("192.0.2.7")}), SizeIs(2));
  EXPECT_THAT(all_of(*store_, {.origin = "feed:x", .contains = address("192.0.2.7")}), SizeIs(1));
  EXPECT_THAT(all_of(*store_, {.origin = {}, .contains = {}, .limit = 2}), SizeIs(2));
  EXPECT_THAT(all_of(*store_, {.origin = {}, .contains = address("192.0.2.7"), .limit = 1}), SizeIs(1));
}

TEST_F(StoreTest, ListCrossesPagesAndStopsWhenTold) {
  ASSERT_EQ(value_of(store_->put_many(test::blocks(3000))), 3000U);
  EXPECT_THAT(all_of(*store_), SizeIs(3000));
  EXPECT_THAT(all_of(*store_, {.origin = {}, .contains = {}, .limit = 2048}), SizeIs(2048));
  std::size_t seen = 0;
  ASSERT_TRUE(store_->each({}, [&](const Decision&) { return ++seen < 1500; }));
  EXPECT_EQ(seen, 1500U);
}

TEST_F(StoreTest, AVisitorMayUseTheStore) {
  put(*store_, {block("192.0.2.1"), block("192.0.2.2")});
  ASSERT_TRUE(store_->each({}, [&](const Decision& decision) {
    EXPECT_TRUE(store_->remove_ids({&decision.id, 1}));
    return true;
  }));
  EXPECT_THAT(all_of(*store_), IsEmpty());
}

TEST_F(StoreTest, EffectIsTheLongestBlock) {
  put(*store_, {until(block("192.0.2.1", "a"), now() + 1h), until(block("192.0.2.1", "b"), now() + 2h)});
  EXPECT_EQ(effect_of(*store_, "192.0.2.1").blocked_until, now() + 2h);
  put(*store_, {block("192.0.2.1", "c")});
  const Effect effect = effect_of(*store_, "192.0.2.1");
  EXPECT_TRUE(effect.blocked);
  EXPECT_FALSE(effect.blocked_until);
}

TEST_F(StoreTest, EffectIsTheTightestLimitAndLastsAsLongAsAnyOfThem) {
  auto loose = limit("192.0.2.1", {.packets = Rate{100, 1s}, .bytes = Rate{5000, 1s}}, "a");
  auto tight = limit("192.0.2.1", {.packets = Rate{60, 60s}, .bytes = {}}, "b");
  put(*store_, {loose, until(tight, now() + 1h)});
  const Effect effect = effect_of(*store_, "192.0.2.1");
  EXPECT_FALSE(effect.blocked);
  EXPECT_TRUE(effect.limited);
  EXPECT_EQ(effect.limit.packets, (Rate{60, 60s}));
  EXPECT_EQ(effect.limit.bytes, (Rate{5000, 1s}));
  EXPECT_FALSE(effect.limited_until) << "the end of the one is not that of the other, also while no agent is there";
  put(*store_, {until(loose, now() + 2h)});
  EXPECT_EQ(effect_of(*store_, "192.0.2.1").limited_until, now() + 2h);
  clock_.advance(1h);
  EXPECT_EQ(effect_of(*store_, "192.0.2.1").limit.packets, (Rate{100, 1s}));
}

TEST_F(StoreTest, MonitorHasNoEffect) {
  NewDecision monitor = block("192.0.2.1");
  monitor.action = Action::kMonitor;
  put(*store_, {monitor});
  const Effect effect = effect_of(*store_, "192.0.2.1");
  EXPECT_FALSE(effect.blocked || effect.limited);
  EXPECT_TRUE(store_->each_effect([](const Effect&) { ADD_FAILURE(); }));
}

TEST_F(StoreTest, EachEffectSeesEveryTargetOnceInOrder) {
  ASSERT_TRUE(store_->put_many(test::blocks(2500)));
  put(*store_, {block("::/0"), block("198.18.0.0", "feed:x"), block("2001:db8::/32")});
  std::vector<Prefix> targets;
  ASSERT_TRUE(store_->each_effect([&](const Effect& effect) { targets.push_back(effect.target); }));
  EXPECT_EQ(targets.size(), 2502U);
  EXPECT_TRUE(std::ranges::is_sorted(targets));
  EXPECT_EQ(std::ranges::adjacent_find(targets), targets.end());
  EXPECT_EQ(targets.front(), prefix("::/0"));
}

TEST_F(StoreTest, EachEffectOfSeesWhatAStreamStored) {
  put(*store_, {block("203.0.113.1"), until(block("198.18.0.5", "feed:x"), now() + 1h)});
  const auto decisions = test::blocks(2000);
  std::size_t at = 0;
  const auto stored = value_of(store_->put_stream(
      [&]() -> Result<const NewDecision*> { return at < decisions.size() ? &decisions[at++] : nullptr; }));
  EXPECT_EQ(stored.count, 2000U);
  std::size_t seen = 0;
  ASSERT_TRUE(store_->each_effect_of(stored, [&](const Effect& effect) {
    ++seen;
    EXPECT_TRUE(effect.blocked && !effect.blocked_until) << effect.target.to_string();
  }));
  EXPECT_EQ(seen, 2000U);
}

TEST_F(StoreTest, AFailingStreamLeavesNothing) {
  put(*store_, {block("192.0.2.1")});
  const auto decisions = test::blocks(100);
  std::size_t at = 0;
  const auto stored = store_->put_stream([&]() -> Result<const NewDecision*> {
    if (at == 99) return fail(ErrorCode::kUnavailable, "gone");
    return &decisions[at++];
  });
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().message, "gone");
  EXPECT_THAT(all_of(*store_), SizeIs(1));
}

TEST_F(StoreTest, OneInvalidDecisionRefusesAll) {
  NewDecision bad = block("192.0.2.2");
  for (const std::string& reason :
       {std::string("a\x1b[31m"), std::string("a\0b", 3), std::string("\xff"), std::string(2000, 'x'),
        std::string("\xe2\x80\xae"), std::string("\xc0\x80"), std::string("\xed\xa0\x80")}) {
    bad.reason = reason;
    const NewDecision both[] = {block("192.0.2.1"), bad};
    const auto stored = store_->put(both);
    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(stored.error().message, HasSubstr("reason"));
  }
  EXPECT_THAT(all_of(*store_), IsEmpty());
}

TEST_F(StoreTest, RatesBelongToLimitsAndOnlyToThem) {
  EXPECT_FALSE(store_->put_many({{limit("192.0.2.1", {})}}));
  NewDecision decision = block("192.0.2.1");
  decision.limit.packets = Rate{1, 1s};
  EXPECT_FALSE(store_->put_many({{decision}}));
  decision = block("192.0.2.1", "");
  EXPECT_FALSE(store_->put_many({{decision}}));
}

TEST_F(StoreTest, RemovesAnOriginInSteps) {
  ASSERT_TRUE(store_->put_many(test::blocks(250)));
  put(*store_, {block("192.0.2.1", "feed:x")});
  EXPECT_THAT(value_of(store_->remove_origin_some("operator", 100)), SizeIs(100));
  EXPECT_THAT(value_of(store_->remove_origin("operator")), SizeIs(150));
  EXPECT_THAT(value_of(store_->remove_origin("operator")), IsEmpty());
  EXPECT_THAT(origins(all_of(*store_)), ElementsAre("feed:x"));
}

TEST_F(StoreTest, ANewerSchemaIsRefused) {
  store_.reset();
  const std::string command = "sqlite3 " + (directory_ / "decisions.db").string() + " 'PRAGMA user_version=99'";
  if (std::system(command.c_str()) != 0) GTEST_SKIP() << "the sqlite3 command is not installed";
  const auto store = Store::open(directory_ / "decisions.db", clock_);
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message, HasSubstr("schema version 99"));
}

}  // namespace
}  // namespace tidegate::decisions
