// SPDX-License-Identifier: Apache-2.0
// Enforcement outlives the agent; what cannot be adopted is replaced as a whole, without a gap.
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/packet.hpp"
#include "tests/integration/kernel/fixture.hpp"

namespace tidegate::kernel {
namespace {

class KernelAdoption : public KernelTest {
 protected:
  // What an agent leaves behind: generation 7, one block, eth0 attached.
  void run_first_agent() { first_agent(); }
  std::unique_ptr<Datapath> first_agent() {
    auto datapath = open();
    EXPECT_FALSE(datapath->adopted());
    apply(*datapath, 7);
    EXPECT_TRUE(datapath->put_blocks(std::vector<BlockEntry>{{prefix("203.0.113.0/24"), std::nullopt}}));
    EXPECT_TRUE(attach(*datapath).attached);
    return datapath;
  }
  static void apply(Datapath& datapath, std::uint32_t generation) {
    const auto status = datapath.apply(*image_with_default(3), {{"api", 3}}, generation);
    EXPECT_TRUE(status) << status.error().message;
  }
  void set_abi_version(std::uint32_t version) {
    const UniqueFd fd(bpf_obj_get(pin("identity").c_str()));
    tg_identity identity{};
    const __u32 index = 0;
    ASSERT_EQ(bpf_map_lookup_elem(fd.get(), &index, &identity), 0);
    identity.abi_version = version;
    ASSERT_EQ(bpf_map_update_elem(fd.get(), &index, &identity, BPF_ANY), 0);
  }
  unsigned verdict(const std::string& source) const {
    return LinkedProgram(pin("link_eth0")).run(udp_frame(source, 53));
  }
};

TEST_F(KernelAdoption, WhatAnAgentLeftIsTakenOver) {
  run_first_agent();
  const LinkedProgram before(pin("link_eth0"));
  EXPECT_EQ(verdict("203.0.113.9"), unsigned{XDP_DROP});  // nobody is running

  const auto second = open();
  EXPECT_TRUE(second->adopted());
  EXPECT_EQ(second->active_generation(), 7U);
  EXPECT_EQ(second->slots(), (std::map<std::string, unsigned>{{"api", 3}}));
  const LinkedProgram after(pin("link_eth0"));
  EXPECT_NE(after.id(), before.id());  // the link runs the new agent's program
  EXPECT_EQ(after.ifindex(), before.ifindex());
  EXPECT_EQ(verdict("203.0.113.9"), unsigned{XDP_DROP});
  EXPECT_EQ(verdict("198.51.100.9"), unsigned{XDP_PASS});
  const auto states = second->attachments();
  ASSERT_EQ(states.size(), 1U);
  EXPECT_TRUE(states[0].attached);
  EXPECT_EQ(states[0].mode, "native");
  EXPECT_EQ(states[0].problem, "");
  EXPECT_EQ(second->tables()[1].entries, 1U);
  const auto counters = second->counters();
  EXPECT_EQ(counters.by_service_reason[TG_SERVICE_NONE * 64 + 11].dropped_packets, 2U);  // BLOCKED_PREFIX, both agents'
}

TEST_F(KernelAdoption, AnUpgradeMayBringFeatures) {
  auto reduced = options();
  reduced.disabled_features = {"xdp_frags", "socket_lookup", "tc_egress"};
  open(reduced);
  {
    const auto datapath = open(reduced);
    EXPECT_TRUE(datapath->adopted());
    apply(*datapath, 7);
    EXPECT_TRUE(attach(*datapath).attached);
  }
  const auto upgraded = open();
  EXPECT_TRUE(upgraded->adopted());
  EXPECT_EQ(upgraded->active_generation(), 7U);
  EXPECT_EQ(upgraded->attachments()[0].problem, "");
  EXPECT_TRUE(verify(*upgraded).empty());
  EXPECT_NE(net_->edge().sh("tc filter show dev eth0 egress").find("tidegate_egress"), std::string::npos);
}

TEST_F(KernelAdoption, BlocksOfBothFamiliesCanStillBeRemoved) {
  const std::vector<BlockEntry> blocks{{prefix("203.0.113.7"), std::nullopt},
                                       {prefix("2001:db8:7::/48"), std::nullopt}};
  {
    const auto datapath = open();
    ASSERT_TRUE(datapath->put_blocks(blocks));
  }
  const auto second = open();
  EXPECT_EQ(second->tables()[1].entries, 2U);
  ASSERT_TRUE(second->remove_blocks(std::vector{blocks[0].target, blocks[1].target}));
  EXPECT_EQ(second->tables()[1].entries, 0U);
}

TEST_F(KernelAdoption, BlockedConnectionsGoOnAndSayWhoseTheyAre) {
  const auto server = Address::parse("192.0.2.1").value();
  const FlowBlock of4{.connection = {Address::parse("198.51.100.7").value(), server, 40000, 443},
                      .expires = system_clock().monotonic() + std::chrono::hours(1),
                      .decision = 1700000000001,
                      .rule = "a-rule"};
  FlowBlock of6 = of4;
  of6.connection = {Address::parse("2001:db8:7::7").value(), Address::parse("2001:db8::1").value(), 40000, 443};
  {
    run_first_agent();
    const auto first = open();
    ASSERT_TRUE(first->put_flow_blocks(std::vector{of4, of6}));
  }
  const auto frame = test::Ethernet() / test::Ipv6{.source = "2001:db8:7::7", .destination = "2001:db8::1"} /
                     test::Tcp{.source_port = 40000, .destination_port = 443, .ack = true};
  EXPECT_EQ(LinkedProgram(pin("link_eth0")).run(frame.bytes()), unsigned{XDP_DROP}) << "nobody is running";
  const auto second = open();
  ASSERT_EQ(second->flow_blocks().size(), 2U);
  for (const auto& block : second->flow_blocks()) {
    const FlowBlock& expected = block.connection.client.is_v4() ? of4 : of6;
    EXPECT_EQ(block.connection, expected.connection);
    EXPECT_EQ(block.expires, expected.expires);
    EXPECT_EQ(block.decision, expected.decision);
    EXPECT_EQ(block.rule, expected.rule);
  }
  EXPECT_EQ(LinkedProgram(pin("link_eth0")).run(frame.bytes()), unsigned{XDP_DROP});
  ASSERT_TRUE(second->remove_flow_blocks(std::vector{of6.connection}));
  EXPECT_EQ(LinkedProgram(pin("link_eth0")).run(frame.bytes()), unsigned{XDP_PASS});
}

// Pins of an agent that did not know blocked connections are replaced as a whole, under protection.
TEST_F(KernelAdoption, WithoutTheTableOfConnectionsAllIsReplaced) {
  run_first_agent();
  std::filesystem::remove(pin("flow_blocks"));
  const auto second = open();
  EXPECT_FALSE(second->adopted());
  EXPECT_EQ(second->replaced_because(), "pinned map flow_blocks is missing");
  EXPECT_EQ(verdict("203.0.113.9"), unsigned{XDP_DROP}) << "the old program protects until the new one is fed";
  apply(*second, 8);
  EXPECT_TRUE(attach(*second).attached);
  EXPECT_TRUE(second->flow_blocks().empty());
}

TEST_F(KernelAdoption, VerifyingFinishesAReplacementThatNobodyAttached) {
  run_first_agent();
  set_abi_version(TG_ABI_VERSION + 1);
  const auto second = open();
  apply(*second, 8);
  EXPECT_EQ(verify(*second).size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(pin("next")));
  EXPECT_TRUE(verify(*second).empty());
}

TEST_F(KernelAdoption, AfterAKill) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto running = first_agent();
    static_cast<void>(!write(ready[1], "x", 1));
    for (;;) pause();
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  close(ready[1]);
  EXPECT_EQ(open_error(options()).code, ErrorCode::kFailedPrecondition);  // it still runs
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(verdict("203.0.113.9"), unsigned{XDP_DROP});
  EXPECT_TRUE(open()->adopted());
}

TEST_F(KernelAdoption, AnotherAbiIsReplacedWithoutAGap) {
  run_first_agent();
  set_abi_version(TG_ABI_VERSION + 1);
  const LinkedProgram before(pin("link_eth0"));

  const auto second = open();
  EXPECT_FALSE(second->adopted());
  EXPECT_NE(second->replaced_because().find("ABI"), std::string::npos);
  EXPECT_EQ(second->active_generation(), 0U);
  EXPECT_EQ(LinkedProgram(pin("link_eth0")).id(), before.id());  // the old program protects until the new one can
  EXPECT_EQ(verdict("203.0.113.9"), unsigned{XDP_DROP});
  EXPECT_TRUE(verify(*second).empty());

  apply(*second, 8);
  ASSERT_TRUE(second->put_blocks(std::vector<BlockEntry>{{prefix("203.0.113.0/24"), std::nullopt}}));
  EXPECT_TRUE(attach(*second).attached);
  EXPECT_NE(LinkedProgram(pin("link_eth0")).id(), before.id());
  EXPECT_EQ(verdict("203.0.113.9"), unsigned{XDP_DROP});
  EXPECT_FALSE(std::filesystem::exists(pin("next")));
  EXPECT_TRUE(verify(*second).empty());
}

TEST_F(KernelAdoption, TheReplacementIsItselfAdopted) {
  run_first_agent();
  set_abi_version(TG_ABI_VERSION + 1);
  {
    const auto second = open();
    apply(*second, 8);
    attach(*second);
  }
  const auto third = open();
  EXPECT_TRUE(third->adopted());
  EXPECT_EQ(third->active_generation(), 8U);
}

TEST_F(KernelAdoption, AnAgentThatDiesWhileReplacingLeavesTheOldProtection) {
  run_first_agent();
  set_abi_version(TG_ABI_VERSION + 1);
  open();
  EXPECT_EQ(verdict("203.0.113.9"), unsigned{XDP_DROP});
  const auto third = open();
  EXPECT_FALSE(third->adopted());
  apply(*third, 8);
  EXPECT_TRUE(attach(*third).attached);
}

TEST_F(KernelAdoption, OtherTableSizesAreNotHalfReused) {
  run_first_agent();
  auto other = options();
  other.blocks = 2'000'000;
  const auto second = open(other);
  EXPECT_FALSE(second->adopted());
  EXPECT_NE(second->replaced_because().find("size"), std::string::npos);
  EXPECT_EQ(second->tables()[1].entries, 0U);
}

TEST_F(KernelAdoption, AnIncompleteSetIsReplaced) {
  run_first_agent();
  std::filesystem::remove(pin("tats"));
  const auto second = open();
  EXPECT_FALSE(second->adopted());
  EXPECT_NE(second->replaced_because().find("tats"), std::string::npos);
}

TEST_F(KernelAdoption, SomeoneElsesPinsAreLeftAlone) {
  std::filesystem::create_directories(pin_dir());
  const UniqueFd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "theirs", 4, 64, 1, nullptr));
  ASSERT_EQ(bpf_obj_pin(map.get(), pin("identity").c_str()), 0);
  auto error = open_error(options());
  EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(error.message.find("not Tidegate's"), std::string::npos) << error.message;
  std::filesystem::rename(pin("identity"), pin("theirs"));
  EXPECT_EQ(open_error(options()).code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(std::filesystem::exists(pin("theirs")));
}

TEST_F(KernelAdoption, TwoAgentsOnOnePinDirectory) {
  const auto first = open();
  const auto error = open_error(options());
  EXPECT_EQ(error.code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(error.message.find("another tidegated"), std::string::npos) << error.message;
}

TEST_F(KernelAdoption, ALinkOfAnotherNetworkNamespaceIsNotTouched) {
  run_first_agent();
  std::unique_ptr<Datapath> datapath;
  net_->world().in([&] { datapath = Datapath::open(options(), system_clock()).value(); });
  const auto states = datapath->attachments();
  ASSERT_EQ(states.size(), 1U);
  EXPECT_NE(states[0].problem.find("another network namespace"), std::string::npos) << states[0].problem;
  EXPECT_EQ(verdict("203.0.113.9"), unsigned{XDP_DROP});
}

}  // namespace
}  // namespace tidegate::kernel
