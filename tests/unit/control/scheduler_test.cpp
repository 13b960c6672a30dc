// SPDX-License-Identifier: Apache-2.0
#include "agent/control/scheduler.hpp"

#include <gtest/gtest.h>

namespace tidegate::control {
namespace {

using std::chrono::seconds;

TEST(Scheduler, RunsWhatIsDueAndSaysHowLongToWait) {
  ManualClock clock;
  Scheduler scheduler(clock);
  EXPECT_EQ(scheduler.run_due(), seconds(1));
  int often = 0;
  int seldom = 0;
  scheduler.add("often", std::chrono::milliseconds(100), [&] { ++often; });
  scheduler.add(
      "seldom", seconds(30), [&] { ++seldom; }, seconds(30));
  EXPECT_EQ(scheduler.run_due(), std::chrono::milliseconds(100));
  EXPECT_EQ(often, 1);
  EXPECT_EQ(seldom, 0);
  clock.advance(std::chrono::milliseconds(50));
  EXPECT_EQ(scheduler.run_due(), std::chrono::milliseconds(50));
  EXPECT_EQ(often, 1);
  clock.advance(seconds(30));
  scheduler.run_due();
  EXPECT_EQ(often, 2) << "missed turns are not made up for";
  EXPECT_EQ(seldom, 1);
}

}  // namespace
}  // namespace tidegate::control
