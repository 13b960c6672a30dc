// SPDX-License-Identifier: Apache-2.0
#include "agent/control/attach.hpp"

#include "tests/unit/control/fixture.hpp"

namespace tidegate::control {
namespace {

constexpr const char* kTwo = "version: 1\ninterfaces: [{name: eth0}, {name: eth1}]\n";
constexpr const char* kOne = "version: 1\ninterfaces: [{name: eth1}]\n";

class AttachTest : public testing::ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    ASSERT_TRUE(controllers_->policy.apply(request(kTwo)));
  }
  AttachController& attach() { return controllers_->attach; }
  bool attached(const std::string& name) {
    return datapath_.attached.contains(name) && datapath_.attached[name].attached;
  }
  bool said(const std::string& what) {
    const auto events = telemetry_->events().since(WallTime{}, {});
    return std::any_of(events.begin(), events.end(),
                       [&](const auto& event) { return event.message.find(what) != std::string::npos; });
  }
};

TEST_F(AttachTest, DetachIsRecordedAndSurvivesRestarts) {
  ASSERT_TRUE(attach().detach("eth0", "uid:0"));
  EXPECT_FALSE(attached("eth0"));
  EXPECT_TRUE(attached("eth1"));
  attach().watch();
  EXPECT_FALSE(attached("eth0")) << "the watch does not undo it";
  crash();
  ASSERT_TRUE(controllers_->start());
  EXPECT_FALSE(attached("eth0"));
  ASSERT_TRUE(controllers_->policy.apply(request(kTwo)));
  EXPECT_FALSE(attached("eth0")) << "nor does a policy";
  ASSERT_TRUE(attach().attach("eth0", "uid:0"));
  EXPECT_TRUE(attached("eth0"));
  EXPECT_TRUE(history_->detached()->empty());
}

TEST_F(AttachTest, DetachOfAllAndAttachOfAll) {
  ASSERT_TRUE(attach().detach("", "uid:0"));
  EXPECT_TRUE(datapath_.attached.empty());
  ASSERT_TRUE(attach().attach("", "uid:0"));
  EXPECT_EQ(datapath_.attached.size(), 2U);
}

TEST_F(AttachTest, UnknownInterfaceIsNamedWithThoseThereAre) {
  const auto refused = attach().detach("eth7", "uid:0");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_NE(refused.error().message.find("eth0, eth1"), std::string::npos);
  EXPECT_FALSE(attach().attach("eth7", "uid:0"));
}

TEST_F(AttachTest, InterfaceThatComesBackIsAttachedAgainAndSaid) {
  datapath_.existing.erase("eth1");
  attach().watch();
  EXPECT_FALSE(attached("eth1"));
  EXPECT_TRUE(said("lost its protection"));
  datapath_.existing.insert("eth1");
  attach().watch();
  EXPECT_TRUE(attached("eth1"));
  EXPECT_TRUE(said("attached again"));
}

TEST_F(AttachTest, InterfaceMissingAtStartIsTriedUntilItComes) {
  datapath_.attached.clear();
  datapath_.existing.erase("eth1");
  crash();
  const auto started = controllers_->start();
  ASSERT_TRUE(started) << "what can be protected is";
  EXPECT_FALSE(started->problems.empty());
  EXPECT_TRUE(attached("eth0"));
  const auto states = attach().states();
  ASSERT_EQ(states.size(), 2U);
  EXPECT_NE(states[1].state.problem.find("does not exist"), std::string::npos);
  datapath_.existing.insert("eth1");
  attach().watch();
  EXPECT_TRUE(attached("eth1"));
  EXPECT_TRUE(attach().states()[1].state.problem.empty());
}

TEST_F(AttachTest, PolicyThatNamesFewerInterfacesDetachesTheRest) {
  ASSERT_TRUE(controllers_->policy.apply(request(kOne)));
  EXPECT_FALSE(attached("eth0"));
  EXPECT_TRUE(attached("eth1"));
  EXPECT_TRUE(said("does not name it any more"));
}

// --- A refused policy leaves every interface as it was.

constexpr const char* kTwoGeneric =
    "version: 1\ninterfaces: [{name: eth0, mode: generic}, {name: eth1, mode: generic}]\n";

TEST_F(AttachTest, AModeThatCannotBeHadLeavesEveryInterfaceInItsEarlierOne) {
  datapath_.no_generic = {"eth1"};
  ASSERT_FALSE(controllers_->policy.apply(request(kTwoGeneric)));
  EXPECT_TRUE(attached("eth1")) << "the one that failed, at once and not with the next watch()";
  EXPECT_EQ(datapath_.attached["eth1"].mode, "native");
  EXPECT_EQ(datapath_.attached["eth0"].mode, "native") << "its own change had succeeded";
  for (const auto& state : attach().states()) EXPECT_EQ(state.state.problem, "");
}

TEST_F(AttachTest, APolicyThatCannotBeRecordedLeavesModesAndInterfacesAsTheyWere) {
  ASSERT_TRUE(controllers_->policy.apply(request(kOne)));
  ASSERT_FALSE(attached("eth0"));
  flaky_->fail_finish = true;
  ASSERT_FALSE(controllers_->policy.apply(request(kTwoGeneric)));
  EXPECT_FALSE(attached("eth0")) << "newly attached";
  EXPECT_EQ(datapath_.attached["eth1"].mode, "native");
}

TEST_F(AttachTest, ARefusedPolicysInterfaceIsNotTriedAgain) {
  ASSERT_FALSE(controllers_->policy.apply(request("version: 1\ninterfaces: [{name: eth0}, {name: eth9}]\n")));
  EXPECT_TRUE(attached("eth0"));
  EXPECT_TRUE(attached("eth1"));
  EXPECT_EQ(attach().states().size(), 2U);
}

TEST_F(AttachTest, AnInterfaceThatIsLostToARefusedPolicyIsSaidAndTriedAgain) {
  datapath_.no_generic = datapath_.no_native = {"eth1"};
  ASSERT_FALSE(controllers_->policy.apply(request(kTwoGeneric)));
  EXPECT_FALSE(attached("eth1"));
  EXPECT_TRUE(said("eth1 lost its protection"));
  EXPECT_FALSE(attach().states()[1].state.problem.empty());
  datapath_.no_native.clear();
  attach().watch();
  EXPECT_TRUE(attached("eth1"));
}

}  // namespace
}  // namespace tidegate::control
