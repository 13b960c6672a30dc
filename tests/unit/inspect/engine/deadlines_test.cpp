// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/engine/deadlines.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

namespace tidegate::inspect {
namespace {

using std::chrono::seconds;
using namespace std::chrono_literals;

struct Noted final : Deadline {
  Noted(Deadlines& wheel, std::vector<int>& called, int number) : wheel_(wheel), called_(called), number_(number) {}
  void deadline(WallTime due) override {
    called_.push_back(number_);
    due_ = due;
    if (again_) wheel_.set(*this, due + *again_);
  }
  Deadlines& wheel_;
  std::vector<int>& called_;
  int number_;
  WallTime due_{};
  std::optional<std::chrono::nanoseconds> again_;
};

class DeadlinesTest : public testing::Test {
 protected:
  DeadlinesTest() { wheel_.advance(start_); }
  const WallTime start_{seconds(1'900'000'000)};
  Deadlines wheel_;
  std::vector<int> called_;
};

TEST_F(DeadlinesTest, AreCalledInTheirOrderWithTheirOwnTime) {
  Noted late(wheel_, called_, 3), soon(wheel_, called_, 1), then(wheel_, called_, 2), never(wheel_, called_, 4);
  wheel_.set(late, start_ + 10s);
  wheel_.set(soon, start_ + 1s);
  wheel_.set(never, start_ + 2s);
  wheel_.set(then, start_ + 5s);
  wheel_.remove(never);
  wheel_.advance(start_ + 900ms);
  EXPECT_TRUE(called_.empty());
  wheel_.advance(start_ + 5200ms);
  EXPECT_EQ(called_, (std::vector{1, 2}));
  wheel_.advance(start_ + 24h);
  EXPECT_EQ(called_, (std::vector{1, 2, 3}));
  EXPECT_EQ(late.due_, start_ + 10s);
  EXPECT_FALSE(wheel_.has(late));
}

TEST_F(DeadlinesTest, MaySetThemselvesAnew) {
  Noted one(wheel_, called_, 1);
  one.again_ = 3s;
  wheel_.set(one, start_ + 3s);
  for (int second = 0; second <= 31; ++second) wheel_.advance(start_ + seconds(second));
  EXPECT_EQ(called_.size(), 10U);
  wheel_.advance(start_ + 24h);
  EXPECT_LE(called_.size(), 20U) << "a jump is not made up for";
  EXPECT_TRUE(wheel_.has(one));
}

TEST_F(DeadlinesTest, MayGoAwayAtAnyTime) {
  auto first = std::make_unique<Noted>(wheel_, called_, 1);
  wheel_.set(*first, start_ + 1s);
  first.reset();
  wheel_.advance(start_ + 5s);
  EXPECT_TRUE(called_.empty());
}

TEST_F(DeadlinesTest, AreForgottenWhenTheClockIsSetBack) {
  Noted one(wheel_, called_, 1), two(wheel_, called_, 2);
  wheel_.set(one, start_ + 10s);
  wheel_.advance(start_ - 30s);
  EXPECT_TRUE(wheel_.has(one));
  wheel_.advance(start_ - 1h);
  EXPECT_FALSE(wheel_.has(one));
  wheel_.set(two, start_ - 1h + 10s);
  wheel_.advance(start_ - 1h + 11s);
  EXPECT_EQ(called_, std::vector{2});
}

TEST_F(DeadlinesTest, MayLieInThePast) {
  Noted one(wheel_, called_, 1);
  wheel_.set(one, WallTime(seconds(-5)));
  wheel_.advance(start_ + 300ms);
  EXPECT_EQ(called_, std::vector{1});
}

}  // namespace
}  // namespace tidegate::inspect
