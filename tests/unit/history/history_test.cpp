// SPDX-License-Identifier: Apache-2.0
#include "agent/history/history.hpp"

#include <gmock/gmock.h>

#include "tests/unit/decisions/support.hpp"

namespace tidegate::history {
namespace {

using namespace std::chrono_literals;
using decisions::test::value_of;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class HistoryTest : public ::testing::Test {
 protected:
  void SetUp() override { reopen(); }

  void reopen() {
    history_.reset();
    history_ = value_of(History::open(directory_ / "history.db", clock_));
    ASSERT_TRUE(history_);
  }

  static NewGeneration policy(std::string text, std::optional<std::chrono::nanoseconds> confirm_within = {}) {
    return {.text = std::move(text), .actor = "uid:0", .comment = "apply", .confirm_within = confirm_within};
  }

  std::uint64_t apply(std::string text, std::optional<std::chrono::nanoseconds> confirm_within = {}) {
    const auto begun = value_of(history_->begin(policy(std::move(text), confirm_within)));
    return value_of(history_->finish(begun.generation)).generation;
  }

  std::string text_in_force() { return value_of(history_->in_force()).value_or(Generation{}).text; }

  decisions::test::TempDir directory_;
  ManualClock clock_;
  std::unique_ptr<History> history_;
};

TEST_F(HistoryTest, BeginsEmpty) {
  EXPECT_FALSE(value_of(history_->in_force()));
  EXPECT_FALSE(value_of(history_->pending()));
  EXPECT_THAT(value_of(history_->list()), IsEmpty());
  EXPECT_EQ(history_->previous().error().code, ErrorCode::kNotFound);
  EXPECT_EQ(history_->confirm().error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(history_->get(3).error().message, HasSubstr("no policy generation 3; there is none yet"));
}

TEST_F(HistoryTest, TheNewestFinishedIsInForceAcrossReopen) {
  apply("one");
  apply("two");
  reopen();
  const auto force = value_of(history_->in_force());
  ASSERT_TRUE(force);
  EXPECT_EQ(force->text, "two");
  EXPECT_EQ(force->actor, "uid:0");
  EXPECT_EQ(force->applied, clock_.wall());
  EXPECT_EQ(force->state, GenerationState::kActive);
  EXPECT_EQ(value_of(history_->previous()).text, "one");
  const auto all = value_of(history_->list());
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].generation, 2U);
  EXPECT_EQ(all[1].state, GenerationState::kSuperseded);
  EXPECT_EQ(all[1].text, "");
  EXPECT_EQ(value_of(history_->get(1)).text, "one");
}

TEST_F(HistoryTest, WhatWasNotFinishedNeverWasInForce) {
  apply("good");
  const auto begun = value_of(history_->begin(policy("crashes the agent")));
  EXPECT_EQ(text_in_force(), "good");
  reopen();
  EXPECT_EQ(text_in_force(), "good");
  EXPECT_FALSE(history_->finish(begun.generation));
  EXPECT_GT(apply("next"), begun.generation) << "a number was given twice";
}

TEST_F(HistoryTest, OnlyOneAtATime) {
  const auto begun = value_of(history_->begin(policy("one")));
  const auto other = history_->begin(policy("two"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kFailedPrecondition);
  ASSERT_TRUE(history_->discard(begun.generation));
  EXPECT_TRUE(history_->begin(policy("two")));
}

TEST_F(HistoryTest, ConfirmInTimeKeeps) {
  apply("old");
  const auto generation = apply("new", 5min);
  EXPECT_EQ(text_in_force(), "new");
  EXPECT_EQ(value_of(history_->pending())->confirm_by, clock_.wall() + 5min);
  EXPECT_EQ(value_of(history_->confirm()).generation, generation);
  clock_.advance(1h);
  EXPECT_FALSE(value_of(history_->overdue()));
  EXPECT_EQ(value_of(history_->in_force())->state, GenerationState::kActive);
}

TEST_F(HistoryTest, TheDeadlineSurvivesACrash) {
  apply("old");
  apply("new", 5min);
  reopen();
  EXPECT_FALSE(value_of(history_->overdue()));
  clock_.advance(5min);
  reopen();
  const auto overdue = value_of(history_->overdue());
  ASSERT_TRUE(overdue);
  EXPECT_EQ(overdue->text, "new");
  const auto back = value_of(history_->begin_revert("tidegated"));
  EXPECT_EQ(back.text, "old");
  EXPECT_EQ(back.comment, "2 not confirmed, back to 1");
  ASSERT_TRUE(history_->finish(back.generation));
  EXPECT_EQ(text_in_force(), "old");
  EXPECT_FALSE(value_of(history_->pending()));
  EXPECT_EQ(value_of(history_->get(2)).state, GenerationState::kSuperseded);
}

TEST_F(HistoryTest, ACrashWhileTakingBackTriesAgain) {
  apply("old");
  apply("new", 5min);
  clock_.advance(5min);
  ASSERT_TRUE(history_->begin_revert("tidegated"));
  reopen();
  EXPECT_TRUE(value_of(history_->overdue()));
  EXPECT_EQ(value_of(history_->begin_revert("tidegated")).text, "old");
}

TEST_F(HistoryTest, NothingIsAppliedWhileOneWaits) {
  apply("old");
  apply("new", 5min);
  const auto other = history_->begin(policy("other"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(other.error().message, HasSubstr("generation 2 waits for confirmation until 2030-01-01T00:05:00Z"));
}

TEST_F(HistoryTest, TheFirstPolicyHasNothingToGoBackTo) {
  apply("first", 5min);
  EXPECT_EQ(history_->begin_revert("uid:0").error().code, ErrorCode::kNotFound);
}

TEST_F(HistoryTest, KeepsTheNewestGenerations) {
  for (std::uint64_t i = 0; i < History::kMostGenerations + 10; ++i) apply(std::to_string(i));
  const auto all = value_of(history_->list());
  EXPECT_THAT(all, SizeIs(History::kMostGenerations));
  EXPECT_EQ(all.front().generation, History::kMostGenerations + 10);
  EXPECT_THAT(history_->get(1).error().message, HasSubstr("there are 11 to 210"));
}

TEST_F(HistoryTest, DetachIsRememberedUntilAttached) {
  ASSERT_TRUE(history_->set_detached("eth0", "uid:0"));
  const WallTime since = clock_.wall();
  clock_.advance(1h);
  ASSERT_TRUE(history_->set_detached("eth0", "uid:7"));
  ASSERT_TRUE(history_->set_detached("eth1", "uid:0"));
  reopen();
  const auto detached = value_of(history_->detached());
  ASSERT_THAT(detached, SizeIs(2));
  EXPECT_EQ(detached[0].interface, "eth0");
  EXPECT_EQ(detached[0].since, since);
  EXPECT_EQ(detached[0].actor, "uid:0");
  ASSERT_TRUE(history_->clear_detached("eth0"));
  ASSERT_TRUE(history_->clear_detached("eth0"));
  EXPECT_THAT(value_of(history_->detached()), SizeIs(1));
}

TEST_F(HistoryTest, ForcedActionsAreRecordedNewestFirst) {
  ASSERT_TRUE(history_->audit({.time = {}, .actor = "uid:0", .action = "block", .detail = "192.0.2.0/24"}));
  clock_.advance(1s);
  ASSERT_TRUE(history_->audit({.time = {}, .actor = "uid:7", .action = "import", .detail = "3 lines"}));
  reopen();
  const auto records = value_of(history_->audit_records(10));
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].action, "import");
  EXPECT_EQ(records[0].time, clock_.wall());
  EXPECT_EQ(records[1].detail, "192.0.2.0/24");
  EXPECT_THAT(value_of(history_->audit_records(1)), SizeIs(1));
}

}  // namespace
}  // namespace tidegate::history
