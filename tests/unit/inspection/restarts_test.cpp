// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/restarts.hpp"

#include <gtest/gtest.h>

namespace tidegate::inspection {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Restarts, TheFirstIsAtOnceLaterOnesTakeTheirTime) {
  Restarts restarts{Restarts::Limits{}};
  restarts.ended(seconds(1), true);
  EXPECT_EQ(restarts.delay(), milliseconds(0));
  restarts.ended(seconds(1), true);
  EXPECT_EQ(restarts.delay(), milliseconds(250));
  restarts.ended(seconds(1), true);
  EXPECT_EQ(restarts.delay(), milliseconds(500));
  for (int i = 0; i < 100; ++i) restarts.ended(seconds(1), true);
  EXPECT_EQ(restarts.delay(), seconds(10));
  EXPECT_FALSE(restarts.failed()) << "it does begin to work";
}

TEST(Restarts, AGoodLifeForgetsTheShortOnes) {
  Restarts restarts{Restarts::Limits{}};
  for (int i = 0; i < 5; ++i) restarts.ended(seconds(1), true);
  restarts.ended(minutes(5), true);
  EXPECT_EQ(restarts.delay(), milliseconds(0));
}

TEST(Restarts, LivesThatNeverBeginToWorkFail) {
  Restarts restarts{Restarts::Limits{}};
  restarts.ended(seconds(0), false);
  EXPECT_EQ(restarts.delay(), milliseconds(250)) << "a program that is missing is not looked for in a loop";
  restarts.ended(seconds(0), false);
  EXPECT_FALSE(restarts.failed());
  restarts.ended(seconds(0), false);
  EXPECT_TRUE(restarts.failed());
  restarts.ended(seconds(1), true);
  EXPECT_FALSE(restarts.failed());
}

}  // namespace
}  // namespace tidegate::inspection
