// SPDX-License-Identifier: Apache-2.0
// Attaching: native when asked for, never anything else, and every refusal with its remedy.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "tests/integration/kernel/fixture.hpp"

namespace tidegate::kernel {
namespace {

class KernelAttach : public KernelTest {
 protected:
  bool says(const Error& error, const std::string& text) const { return error.message.find(text) != std::string::npos; }
  std::string link_details() { return net_->edge().sh("ip -d link show dev eth0"); }
  std::unique_ptr<Datapath> open_without(const std::string& feature) {
    auto reduced = options();
    reduced.disabled_features = {feature};
    return open(reduced);
  }
};

TEST_F(KernelAttach, NativeIsNative) {
  const auto datapath = open();
  const auto state = attach(*datapath);
  EXPECT_TRUE(state.attached);
  EXPECT_EQ(state.mode, "native");
  EXPECT_EQ(state.problem, "");
  EXPECT_EQ(state.ifindex, net_->edge().ifindex("eth0"));
  EXPECT_NE(link_details().find("prog/xdp "), std::string::npos) << link_details();
  EXPECT_TRUE(std::filesystem::exists(pin("link_eth0")));
  EXPECT_NE(net_->edge().sh("tc filter show dev eth0 egress").find("tidegate_egress"), std::string::npos);
}

TEST_F(KernelAttach, AttachingTwiceChangesNothing) {
  const auto datapath = open();
  attach(*datapath);
  const auto again = attach(*datapath);
  EXPECT_TRUE(again.attached);
  EXPECT_EQ(datapath->attachments().size(), 1U);
}

TEST_F(KernelAttach, GenericWhenAskedFor) {
  const auto datapath = open();
  EXPECT_EQ(attach(*datapath, policy::AttachMode::kGeneric).mode, "generic");
  EXPECT_EQ(attach(*datapath, policy::AttachMode::kNative).mode, "native");  // the policy changed its mind
}

TEST_F(KernelAttach, AModeThatCannotBeHadLeavesTheInterfaceProtectedInItsEarlierOne) {
  const auto datapath = open_without("native_xdp");
  EXPECT_EQ(attach(*datapath, policy::AttachMode::kGeneric).mode, "generic");
  EXPECT_EQ(attach_error(*datapath).code, ErrorCode::kUnsupported);
  const auto states = datapath->attachments();
  ASSERT_EQ(states.size(), 1U);
  EXPECT_TRUE(states[0].attached);
  EXPECT_EQ(states[0].mode, "generic");
  EXPECT_EQ(states[0].problem, "");
  EXPECT_NE(link_details().find("prog/xdp"), std::string::npos) << "no wait for verify_attachments()";
  EXPECT_TRUE(std::filesystem::exists(pin("link_eth0")));
  EXPECT_TRUE(verify(*datapath).empty());
}

TEST_F(KernelAttach, DetachTakesEverythingAwayFromTheInterface) {
  const auto datapath = open();
  attach(*datapath);
  in_edge([&] { EXPECT_TRUE(datapath->detach("eth0")); });
  EXPECT_EQ(link_details().find("prog/xdp"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(pin("link_eth0")));
  EXPECT_EQ(net_->edge().sh("tc filter show dev eth0 egress").find("tidegate_egress"), std::string::npos);
  EXPECT_TRUE(datapath->attachments().empty());
  in_edge([&] { EXPECT_EQ(datapath->detach("eth0").error().code, ErrorCode::kNotFound); });
}

TEST_F(KernelAttach, NoNativeXdpIsAnErrorAndNeverGeneric) {
  const auto datapath = open_without("native_xdp");
  const auto error = attach_error(*datapath);
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_TRUE(says(error, "mode: generic")) << error.message;
  EXPECT_EQ(link_details().find("xdp"), std::string::npos);
}

TEST_F(KernelAttach, ADriverWithoutNativeXdpIsNamed) {
  const auto datapath = open();
  in_edge([&] {  // the loopback interface has no native XDP
    const auto state = datapath->attach({"lo", policy::AttachMode::kNative, {}});
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().code, ErrorCode::kUnsupported);
    EXPECT_TRUE(says(state.error(), "lo")) << state.error().message;
    EXPECT_TRUE(says(state.error(), "mode: generic") || says(state.error(), "MTU")) << state.error().message;
  });
}

TEST_F(KernelAttach, AMissingInterfaceIsNamed) {
  const auto datapath = open();
  in_edge([&] {
    const auto state = datapath->attach({"eth7", policy::AttachMode::kNative, {}});
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().code, ErrorCode::kNotFound);
    EXPECT_TRUE(says(state.error(), "eth7"));
  });
  ASSERT_EQ(datapath->attachments().size(), 1U);
  EXPECT_FALSE(datapath->attachments()[0].attached);
  EXPECT_NE(datapath->attachments()[0].problem, "");
}

TEST_F(KernelAttach, SomeoneElsesProgramIsNamedAndLeftAlone) {
  const auto datapath = open();
  const UniqueFd theirs = someone_elses_program();
  const int ifindex = static_cast<int>(net_->edge().ifindex("eth0"));
  in_edge([&] { ASSERT_EQ(bpf_xdp_attach(ifindex, theirs.get(), XDP_FLAGS_DRV_MODE, nullptr), 0); });
  const auto error = attach_error(*datapath);
  EXPECT_EQ(error.code, ErrorCode::kAlreadyExists);
  EXPECT_TRUE(says(error, "\"someone\"")) << error.message;
  EXPECT_TRUE(says(error, "ip link set dev eth0 xdp off")) << error.message;
  EXPECT_TRUE(verify(*datapath).empty());  // nothing new to report

  net_->edge().sh("ip link set dev eth0 xdp off");
  const auto changed = verify(*datapath);
  ASSERT_EQ(changed.size(), 1U);
  EXPECT_TRUE(changed[0].attached);
}

TEST_F(KernelAttach, JumboFramesNeedFrags) {
  net_ = std::make_unique<harness::Topology>(harness::Topology::Options{.mtu = 9000});
  {
    const auto datapath = open();
    EXPECT_EQ(attach(*datapath).mode, "native");
    in_edge([&] { EXPECT_TRUE(datapath->detach("eth0")); });
  }
  const auto datapath = open_without("xdp_frags");
  const auto error = attach_error(*datapath);
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_TRUE(says(error, "MTU 9000")) << error.message;
  EXPECT_TRUE(says(error, "without xdp frags")) << error.message;
}

TEST_F(KernelAttach, EveryOptionalFeatureCanBeMissing) {
  for (const char* feature :
       {"xdp_frags", "tc_egress", "handshake_tracepoint", "socket_lookup", "packet_length", "membarrier"}) {
    const auto datapath = open_without(feature);
    const auto& features = datapath->features();
    const auto found = std::ranges::find(features, feature, &Feature::name);
    ASSERT_NE(found, features.end());
    EXPECT_FALSE(found->available);
    EXPECT_NE(found->consequence, "");
    EXPECT_TRUE(attach(*datapath).attached) << feature;
    EXPECT_TRUE(datapath->apply(*image_with_default(0), {{"all", 0}}, 1)) << feature;
    in_edge([&] { EXPECT_TRUE(datapath->detach("eth0")); });
  }
}

TEST_F(KernelAttach, AnUnknownFeatureIsRefused) {
  auto wrong = options();
  wrong.disabled_features = {"warp_drive"};
  EXPECT_EQ(open_error(wrong).code, ErrorCode::kInvalidArgument);
}

TEST_F(KernelAttach, AnInterfaceWithADotInItsName) {
  net_->edge().sh("ip link add name up.100 type veth peer name up2; ip link set up.100 up");
  const auto datapath = open();
  in_edge([&] {
    const auto state = datapath->attach({"up.100", policy::AttachMode::kNative, {}});
    EXPECT_TRUE(state) << state.error().message;
  });
  EXPECT_TRUE(std::filesystem::exists(pin("link_up%2E100")));
}

}  // namespace
}  // namespace tidegate::kernel
