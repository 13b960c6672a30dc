// SPDX-License-Identifier: Apache-2.0
#include "agent/control/capture_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CaptureCheckTest : public ::testing::Test {
 protected:
  CaptureCheckTest() {
    policy_.services.resize(2);
    auto& web = policy_.services.front();
    web.name = "web";
    web.match.push_back(all_of(6));
    web.inspection.tls = true;
    policy_.services.back().name = "other";
    inspector_.state = inspection::State::kRunning;
    counters_.services.resize(2);
    counters_.services.front().name = "web";
    counters_.services.back().name = "other";
  }
  static policy::Match all_of(std::uint8_t protocol) {
    policy::Match match;
    match.protocol = protocol;
    return match;
  }
  std::vector<std::string> look(std::uint64_t passed) {
    for (auto& row : counters_.services) row.passed.packets += passed;
    return check_.look(policy_, counters_, inspector_);
  }

  policy::Policy policy_;
  telemetry::CounterView counters_;
  inspection::Report inspector_;
  CaptureCheck check_;
};

TEST_F(CaptureCheckTest, TrafficThatNeverReachesTheInspector) {
  EXPECT_THAT(look(1000), IsEmpty());
  EXPECT_THAT(look(19), IsEmpty()) << "a few";
  EXPECT_THAT(look(1), IsEmpty()) << "once";
  EXPECT_THAT(look(0), ElementsAre(HasSubstr("service web had 20 packets since the inspector was last given one;")));
  EXPECT_THAT(look(5), ElementsAre(HasSubstr("service web had 25 packets"))) << "until something comes";
  inspector_.counters.add(inspect::Counter::kPackets);
  EXPECT_THAT(look(5), IsEmpty());
}

TEST_F(CaptureCheckTest, WhatIsLeftOutOnPurposeIsNoBlindness) {
  look(0);
  inspector_.shedding = 1;
  for (int i = 0; i < 4; ++i) EXPECT_THAT(look(100), IsEmpty());
  inspector_.shedding = 0;
  inspector_.state = inspection::State::kRestarting;
  for (int i = 0; i < 4; ++i) EXPECT_THAT(look(100), IsEmpty()) << "has a warning of its own";
  inspector_.state = inspection::State::kRunning;
  inspector_.sample = 0.5;
  look(0);
  for (int i = 0; i < 4; ++i) EXPECT_THAT(look(100), IsEmpty()) << "may all be outside the sample";
  look(20'000);
  EXPECT_THAT(look(0), ElementsAre(HasSubstr("service web")));
}

TEST_F(CaptureCheckTest, OtherProtocolsAreNamedAsAReason) {
  policy_.services.front().match.push_back(all_of(17));
  look(0);
  look(100);
  EXPECT_THAT(look(0), ElementsAre(HasSubstr("unless none of them was TCP")));
}

TEST_F(CaptureCheckTest, ASlotThatWasGivenToAnotherServiceStartsAgain) {
  look(1000);
  counters_.services.front().passed.packets = 10;
  EXPECT_THAT(look(0), IsEmpty());
  EXPECT_THAT(look(0), IsEmpty());
}

}  // namespace
}  // namespace tidegate::control
