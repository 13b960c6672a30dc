// SPDX-License-Identifier: Apache-2.0
#include "agent/control/safelist_controller.hpp"

#include "tests/unit/control/fixture.hpp"

namespace tidegate::control {
namespace {

decisions::NewSafelistEntry entry(const char* target) {
  decisions::NewSafelistEntry made;
  made.prefix = *Prefix::parse(target);
  made.actor = "uid:0";
  return made;
}

class SafelistControllerTest : public testing::ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    apply_first();
  }
  SafelistController& safelist() { return controllers_->safelist; }
  std::size_t enforced() {
    return static_cast<std::size_t>(
        std::count_if(datapath_.sources.begin(), datapath_.sources.end(),
                      [](const tg_source_entry& source) { return source.kind == TG_SOURCE_SAFELIST; }));
  }
};

TEST_F(SafelistControllerTest, EntryIsEnforcedWithoutANewGeneration) {
  const auto generation = recorded_generation();
  ASSERT_EQ(enforced(), 1U);
  ASSERT_TRUE(safelist().add({entry("203.0.113.0/28")}));
  EXPECT_EQ(enforced(), 2U);
  EXPECT_EQ(recorded_generation(), generation);
  EXPECT_EQ(datapath_.generations.back(), generation);
  ASSERT_EQ(safelist().remove({.targets = {"203.0.113.0/28"}, .actor = "uid:0"}).value(), 1U);
  EXPECT_EQ(enforced(), 1U);
  EXPECT_EQ(safelist().remove({.targets = {"203.0.113.0/28"}, .actor = "uid:0"}).error().code, ErrorCode::kNotFound);
}

TEST_F(SafelistControllerTest, OutlivesPoliciesAndCrashes) {
  ASSERT_TRUE(safelist().add({entry("203.0.113.7")}));
  ASSERT_TRUE(controllers_->policy.apply(request(testing::kOtherPolicy)));
  EXPECT_EQ(enforced(), 2U);
  crash();
  ASSERT_TRUE(controllers_->start());
  EXPECT_EQ(enforced(), 2U);
}

TEST_F(SafelistControllerTest, FailureLeavesTheStoreAsItWas) {
  ASSERT_TRUE(safelist().add({entry("203.0.113.7")}));
  auto again = entry("203.0.113.7");
  again.reason = "second";
  datapath_.fail_applies = 1;
  ASSERT_FALSE(safelist().add({again, entry("203.0.113.8")}));
  const auto stored = safelist_->list();
  ASSERT_EQ(stored->size(), 1U);
  EXPECT_EQ(stored->front().reason, "");
  datapath_.fail_applies = 1;
  ASSERT_FALSE(safelist().remove({.targets = {"203.0.113.7"}, .actor = "uid:0"}));
  EXPECT_EQ(safelist_->list()->size(), 1U);
}

TEST_F(SafelistControllerTest, NamesTheBlocksItOverrides) {
  ASSERT_TRUE(controllers_->decisions.block(targets({"203.0.113.0/24"})));
  const auto added = safelist().add({entry("203.0.113.7")});
  ASSERT_TRUE(added);
  ASSERT_EQ(added->overridden.size(), 1U);
  EXPECT_EQ(added->overridden.front().target.to_string(), "203.0.113.0/24");
}

TEST_F(SafelistControllerTest, ListAndCheckHoldBothOrigins) {
  ASSERT_TRUE(safelist().add({entry("192.0.2.0/24")}));
  const auto matches = safelist().check("192.0.2.10");
  ASSERT_TRUE(matches);
  ASSERT_EQ(matches->size(), 2U);
  EXPECT_EQ(matches->front().origin, "policy") << "most specific first";
  EXPECT_EQ(matches->back().origin, "operator");
  EXPECT_EQ(matches->back().ceiling, kDefaultCeiling);
  EXPECT_EQ(safelist().list()->size(), 2U);
  EXPECT_TRUE(safelist().check("203.0.113.1")->empty());
}

TEST_F(SafelistControllerTest, EntryBoundToAnInterfaceFollowsItsIndex) {
  auto bound = entry("203.0.113.7");
  bound.interface = "eth5";
  ASSERT_TRUE(safelist().add({bound}));
  const std::size_t writes = datapath_.generations.size();
  ASSERT_TRUE(controllers_->enforcement.follow_interfaces());
  EXPECT_EQ(datapath_.generations.size(), writes) << "nothing moved";
  datapath_.existing.insert("eth5");
  ASSERT_TRUE(controllers_->enforcement.follow_interfaces());
  const auto binds = [](const tg_source_entry& source) {
    return source.ifindex == testing::FakeDatapath::index_of("eth5");
  };
  EXPECT_TRUE(std::any_of(datapath_.sources.begin(), datapath_.sources.end(), binds));
}

TEST_F(SafelistControllerTest, RemovalMayNotCutOffTheCallerOrTheHost) {
  ASSERT_TRUE(safelist().add({entry("203.0.113.7"), entry("203.0.113.8")}));
  auto forced = targets({"203.0.113.0/24"});
  forced.force = true;
  ASSERT_TRUE(controllers_->decisions.block(forced));
  facts_.facts = {{*Prefix::parse("203.0.113.8"), decisions::Fact::Kind::kGateway, "eth0"}};
  SafelistRemoval removal{.targets = {"203.0.113.7"}, .actor = "uid:0", .caller_peers = {"203.0.113.7"}};
  const auto refused = safelist().remove(removal);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find("block of 203.0.113.0/24"), std::string::npos) << refused.error().message;
  EXPECT_FALSE(safelist().remove({.targets = {"203.0.113.8"}, .actor = "uid:0"})) << "the gateway";
  EXPECT_EQ(safelist_->list()->size(), 2U);
  removal.force = true;
  EXPECT_TRUE(safelist().remove(removal));
  EXPECT_EQ(history_->audit_records(10)->front().action, "safelist remove");
}

}  // namespace
}  // namespace tidegate::control
