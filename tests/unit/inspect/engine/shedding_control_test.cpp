// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/engine/shedding_control.hpp"

#include <gtest/gtest.h>

namespace tidegate::inspect {
namespace {

using std::chrono::milliseconds;

constexpr Pressure kCalm{};
constexpr Pressure kFull{.ring_fill = 0.9};
constexpr Pressure kBetween{.ring_fill = 0.4};

class SheddingControlTest : public testing::Test {
 protected:
  // Looks every 10 ms; how often something changed.
  int look(const Pressure& pressure, milliseconds time) {
    int changes = 0;
    for (const MonotonicTime end = now_ + time; now_ < end; now_ += milliseconds(10)) {
      changes += control_.look(pressure, now_) ? 1 : 0;
    }
    return changes;
  }
  MonotonicTime now_{std::chrono::hours(1)};
  SheddingControl control_;
};

TEST_F(SheddingControlTest, NothingIsShedWithoutNeed) {
  EXPECT_EQ(look(kCalm, milliseconds(5000)), 0);
  EXPECT_EQ(look(kBetween, milliseconds(5000)), 0);
  EXPECT_EQ(control_.level(), Shedding::kNone);
  EXPECT_EQ(control_.share_of_new_flows(), 0);
}

TEST_F(SheddingControlTest, FirstNewConnectionsThenServers) {
  look(kFull, milliseconds(10));
  EXPECT_EQ(control_.level(), Shedding::kNewFlows);
  EXPECT_EQ(control_.share_of_new_flows(), 0.25);
  look(kFull, milliseconds(180));
  EXPECT_EQ(control_.level(), Shedding::kNewFlows);
  EXPECT_EQ(control_.share_of_new_flows(), 1.0);
  look(kFull, milliseconds(100));
  EXPECT_EQ(control_.level(), Shedding::kServerPayload);
  EXPECT_EQ(look(kFull, milliseconds(1000)), 0) << "there is no more to shed";
}

TEST_F(SheddingControlTest, ComesBackSlowlyAndWhole) {
  look(kFull, milliseconds(500));
  look(kCalm, milliseconds(490));
  EXPECT_EQ(control_.level(), Shedding::kServerPayload) << "not at the first sign of calm";
  look(kCalm, milliseconds(100));
  EXPECT_EQ(control_.level(), Shedding::kNewFlows);
  look(kCalm, milliseconds(5000));
  EXPECT_EQ(control_.level(), Shedding::kNone);
  EXPECT_EQ(control_.share_of_new_flows(), 0);
}

TEST_F(SheddingControlTest, BetweenTheBoundsNothingMoves) {
  look(kFull, milliseconds(100));
  const double share = control_.share_of_new_flows();
  EXPECT_EQ(look(kBetween, milliseconds(10'000)), 0);
  EXPECT_EQ(control_.share_of_new_flows(), share);
}

// Load that comes and goes every tenth of a second does not make the level swing.
TEST_F(SheddingControlTest, PressureThatComesAndGoesHoldsTheLevel) {
  look(kFull, milliseconds(500));
  int downs = 0;
  for (int i = 0; i < 50; ++i) {
    downs += look(kCalm, milliseconds(100));
    look(kFull, milliseconds(20));
  }
  EXPECT_EQ(downs, 0);
}

TEST_F(SheddingControlTest, MemoryAndDroppedPacketsCount) {
  EXPECT_TRUE(control_.look({.memory_used = 0.95}, now_));
  SheddingControl other;
  EXPECT_TRUE(other.look({.dropped = true}, now_));
}

}  // namespace
}  // namespace tidegate::inspect
