// SPDX-License-Identifier: Apache-2.0
// What happens to links and pins behind the agent's back is noticed, put right and reported.
#include <bpf/bpf.h>

#include "tests/integration/kernel/fixture.hpp"

namespace tidegate::kernel {
namespace {

class KernelVerify : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    datapath_ = open();
    ASSERT_TRUE(attach(*datapath_).attached);
  }
  void TearDown() override {
    datapath_.reset();
    KernelTest::TearDown();
  }
  // The one interface that verify() reports.
  AttachState only_change() {
    const auto changed = verify(*datapath_);
    EXPECT_EQ(changed.size(), 1U);
    return changed.empty() ? AttachState{} : changed[0];
  }

  std::unique_ptr<Datapath> datapath_;
};

TEST_F(KernelVerify, NothingToReportWhileAllIsWell) {
  EXPECT_TRUE(verify(*datapath_).empty());
  EXPECT_TRUE(verify(*datapath_).empty());
}

TEST_F(KernelVerify, AnInterfaceThatWentAndCameBackIsAttachedAgain) {
  const unsigned first = net_->edge().ifindex("eth0");
  net_->remove_link();
  const auto gone = only_change();
  EXPECT_FALSE(gone.attached);
  EXPECT_NE(gone.problem.find("eth0"), std::string::npos);
  EXPECT_TRUE(verify(*datapath_).empty());  // reported once

  net_->make_link();
  const auto back = only_change();
  EXPECT_TRUE(back.attached);
  EXPECT_NE(back.ifindex, first);
  EXPECT_EQ(back.ifindex, LinkedProgram(pin("link_eth0")).ifindex());
  EXPECT_TRUE(verify(*datapath_).empty());
  EXPECT_EQ(datapath_->attachments()[0].problem, "");
}

TEST_F(KernelVerify, GoneAndBackBetweenTwoLooks) {
  net_->remove_link();
  net_->make_link();
  const auto back = only_change();
  EXPECT_TRUE(back.attached);
  EXPECT_NE(back.problem, "");
}

TEST_F(KernelVerify, ARemovedLinkPinIsMadeAgain) {
  std::filesystem::remove(pin("link_eth0"));
  const auto change = only_change();
  EXPECT_TRUE(change.attached);
  EXPECT_NE(change.problem.find("pin"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(pin("link_eth0")));
  EXPECT_TRUE(verify(*datapath_).empty());
}

TEST_F(KernelVerify, TheWholePinDirectoryRemovedByHandIsMadeAgain) {
  std::filesystem::remove_all(pin_dir());
  const auto change = only_change();
  EXPECT_TRUE(change.attached);
  EXPECT_NE(change.problem.find("pins were removed"), std::string::npos) << change.problem;
  EXPECT_TRUE(verify(*datapath_).empty());
  EXPECT_EQ(open_error(options()).code, ErrorCode::kFailedPrecondition);  // the new directory is locked as well
  datapath_.reset();
  EXPECT_TRUE(open()->adopted());
}

TEST_F(KernelVerify, PinsRemovedWhileNoAgentRunsEndProtectionAndTheNextAgentStartsAnew) {
  datapath_.reset();
  std::filesystem::remove_all(pin_dir());
  // The kernel lets go of the link a grace period after its last pin.
  net_->edge().sh(
      "for i in $(seq 100); do ip -d link show dev eth0 | grep -q prog/xdp || exit 0; sleep 0.05; done; exit 1");
  datapath_ = open();
  EXPECT_FALSE(datapath_->adopted());
  EXPECT_EQ(datapath_->replaced_because(), "");
  EXPECT_TRUE(attach(*datapath_).attached);
}

TEST_F(KernelVerify, AProgramThatAnotherPutIntoTheLinkIsReplaced) {
  const std::uint32_t ours = LinkedProgram(pin("link_eth0")).id();
  const UniqueFd link(bpf_obj_get(pin("link_eth0").c_str()));
  ASSERT_EQ(bpf_link_update(link.get(), someone_elses_program().get(), nullptr), 0);
  const auto change = only_change();
  EXPECT_NE(change.problem.find("replaced"), std::string::npos);
  EXPECT_EQ(LinkedProgram(pin("link_eth0")).id(), ours);
}

TEST_F(KernelVerify, ALinkDetachedByForceIsAttachedAgain) {
  const UniqueFd link(bpf_obj_get(pin("link_eth0").c_str()));
  ASSERT_EQ(bpf_link_detach(link.get()), 0);
  EXPECT_TRUE(only_change().attached);
  EXPECT_TRUE(verify(*datapath_).empty());
}

TEST_F(KernelVerify, ARemovedEgressFilterComesBack) {
  net_->edge().sh("tc qdisc del dev eth0 clsact");
  const auto change = only_change();
  EXPECT_NE(change.problem.find("egress"), std::string::npos);
  EXPECT_NE(net_->edge().sh("tc filter show dev eth0 egress").find("tidegate_egress"), std::string::npos);
}

}  // namespace
}  // namespace tidegate::kernel
