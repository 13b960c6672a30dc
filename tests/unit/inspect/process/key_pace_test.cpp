// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/process/key_pace.hpp"

#include <gtest/gtest.h>

namespace tidegate::inspect::process {
namespace {

using std::chrono::milliseconds;

constexpr MonotonicTime kNow = std::chrono::hours(1);

TEST(KeyPaceTest, KeysAreWaitedForUntilSomeCome) { EXPECT_EQ(KeyPace().pause(kNow), std::nullopt); }

TEST(KeyPaceTest, WhereKeysCameMoreAreLookedForNowAndThen) {
  KeyPace pace;
  pace.came(kNow);
  EXPECT_EQ(pace.pause(kNow), KeyPace::kBetween);
  EXPECT_EQ(pace.pause(kNow + KeyPace::kBusy - milliseconds(1)), KeyPace::kBetween);
}

TEST(KeyPaceTest, EachOfABusyServerProlongsThat) {
  KeyPace pace;
  pace.came(kNow);
  pace.came(kNow + KeyPace::kBusy / 2);
  EXPECT_EQ(pace.pause(kNow + KeyPace::kBusy), KeyPace::kBetween);
}

TEST(KeyPaceTest, KeysAreWaitedForAgainWhenNoMoreCome) {
  KeyPace pace;
  pace.came(kNow);
  EXPECT_EQ(pace.pause(kNow + KeyPace::kBusy), std::nullopt);
}

}  // namespace
}  // namespace tidegate::inspect::process
