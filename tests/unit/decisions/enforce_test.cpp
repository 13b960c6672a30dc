// SPDX-License-Identifier: Apache-2.0
// Changes that are stored only when the datapath takes them.
#include <gmock/gmock.h>

#include <map>

#include "tests/unit/base/child.hpp"
#include "tests/unit/decisions/support.hpp"

namespace tidegate::decisions {
namespace {

using namespace std::chrono_literals;
using test::all_of;
using test::block;
using test::prefix;
using test::until;
using test::value_of;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class EnforceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = value_of(Store::open(directory_ / "decisions.db", clock_));
    ASSERT_TRUE(store_);
  }

  Enforce keep() {
    return [this](const Effects& effects) {
      return effects([this](const Effect& effect) { seen_[effect.target] = effect; });
    };
  }
  static Status full(const Effects&) { return fail(ErrorCode::kResourceExhausted, "the table is full"); }

  static std::function<Result<const NewDecision*>()> stream(const std::vector<NewDecision>& decisions) {
    return [&decisions, at = std::size_t{0}]() mutable -> Result<const NewDecision*> {
      return at < decisions.size() ? &decisions[at++] : nullptr;
    };
  }

  test::TempDir directory_;
  ManualClock clock_;
  std::unique_ptr<Store> store_;
  std::map<Prefix, Effect> seen_;
};

TEST_F(EnforceTest, SeesTheEffectsWithWhatIsBeingStored) {
  test::put(*store_, {until(block("192.0.2.1", "feed:x"), clock_.wall() + 1h), block("192.0.2.9")});
  const NewDecision both[] = {block("192.0.2.1"), until(block("192.0.2.2"), clock_.wall() + 5s)};
  ASSERT_THAT(value_of(store_->put(both, keep())), SizeIs(2));
  ASSERT_THAT(seen_, SizeIs(2));
  EXPECT_FALSE(seen_[prefix("192.0.2.1")].blocked_until);
  EXPECT_EQ(seen_[prefix("192.0.2.2")].blocked_until, clock_.wall() + 5s);
}

TEST_F(EnforceTest, ARefusalLosesNothingThatWasThereBefore) {
  const auto before = test::put(*store_, {until(block("192.0.2.1"), clock_.wall() + 1h)});
  const NewDecision both[] = {block("192.0.2.1"), block("192.0.2.2")};
  const auto stored = store_->put(both, full);
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().message, "the table is full");
  const auto all = all_of(*store_);
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].id, before[0].id);
  EXPECT_EQ(all[0].expires, before[0].expires);
  EXPECT_FALSE(store_->put_stream(stream(test::blocks(5000)), full));
  EXPECT_THAT(all_of(*store_), SizeIs(1));
}

TEST_F(EnforceTest, AStreamSeesItsTargetsOnlyWhetherScannedOrLookedUp) {
  test::put(*store_, {block("192.0.2.1"), until(block("198.18.0.3", "feed:x"), clock_.wall() + 1h)});
  // Most of the table: by a scan.
  auto decisions = test::blocks(3000);
  decisions[7].expires = clock_.wall();  // over already: its effect is that there is none
  ASSERT_TRUE(store_->put_stream(stream(decisions), keep()));
  EXPECT_THAT(seen_, SizeIs(3000));
  EXPECT_FALSE(seen_[decisions[7].target].blocked);
  EXPECT_TRUE(seen_[decisions[8].target].blocked);
  // A small part of it: one by one.
  seen_.clear();
  decisions.resize(10);
  ASSERT_TRUE(store_->put_stream(stream(decisions), keep()));
  EXPECT_THAT(seen_, SizeIs(10));
  EXPECT_FALSE(seen_[decisions[7].target].blocked);
}

TEST_F(EnforceTest, NothingToDoIsNothingDone) {
  EXPECT_THAT(value_of(store_->put({}, full)), IsEmpty());
  EXPECT_EQ(value_of(store_->put_stream(stream({}), keep())).count, 0U);
  EXPECT_THAT(seen_, IsEmpty());
}

}  // namespace
}  // namespace tidegate::decisions
