// SPDX-License-Identifier: Apache-2.0
// What a host has when it starts: the contract's own policy, several interfaces, and after a reboot what it had before.
#include "tests/integration/agent_test.hpp"

namespace tidegate::harness {
namespace {

using BootTest = AgentTest;

TEST_F(BootTest, TheExampleOfTheContractAppliesAsItStands) {
  ASSERT_TRUE(start(read_file(TIDEGATE_TEST_DATA "/example-policy.yaml")));
  EXPECT_TRUE(attached());
  EXPECT_TRUE(agent().json({"status"}).value("enforcing", false));
  EXPECT_NE(tidegate({"policy", "show"}).find("login-bruteforce"), std::string::npos) << "kept in full";
  tidegate({"block", "203.0.113.5"});
  EXPECT_FALSE(ping("203.0.113.5"));
  EXPECT_TRUE(ping("203.0.113.6"));
  const auto proxy = agent().json({"why", "198.51.100.7"});
  EXPECT_NE(proxy.dump().find("proxy"), std::string::npos) << proxy;
}

// Pins and interfaces do not survive a reboot; the state directory does.
TEST_F(BootTest, AfterARebootDecisionsSafelistAndPolicyAreInForceAgain) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  tidegate({"block", "203.0.113.0/24", "--for", "1h"});
  tidegate({"block", "2001:db8:c:5::/64"});
  tidegate({"safelist", "add", "203.0.113.9"});
  tidegate({"policy", "apply",
            agent()
                .file("next.yaml", policy_of("  - {name: next, default: true, limits: {packets: {rate: 9000/s}}}\n"))
                .string()});
  EXPECT_EQ(agent().stop().exit_code, 0);
  net_->remove_link();
  shell("rm -r " + agent().pin_dir().string());
  net_->make_link();
  ASSERT_TRUE(ping("203.0.113.5")) << "nothing is left in the kernel";
  ASSERT_EQ(agent().start(), "");
  EXPECT_TRUE(attached());
  EXPECT_EQ(agent().json({"status"}).value("policy_generation", 0), 2);
  EXPECT_NE(tidegate({"policy", "show"}).find("9000/s"), std::string::npos);
  EXPECT_FALSE(ping("203.0.113.5"));
  EXPECT_FALSE(ping("2001:db8:c:5::1", Topology::kEdge6));
  EXPECT_TRUE(ping("203.0.113.9")) << "safelisted";
  tidegate({"unblock", "203.0.113.0/24", "2001:db8:c:5::/64"});
  EXPECT_TRUE(ping("203.0.113.5"));
  EXPECT_TRUE(ping("2001:db8:c:5::1", Topology::kEdge6));
}

TEST_F(BootTest, EveryInterfaceOfThePolicyIsProtectedAndEachByItself) {
  shell("ip -n " + edge().name() + " link add eth1 type veth peer name eth1 netns " + world().name());
  edge().sh("ip -6 addr add 2001:db8:2::1/64 dev eth1 nodad; ip link set eth1 up");
  world().sh(
      "ip -6 addr add 2001:db8:2::2/64 dev eth1 nodad; ip -6 addr add 2001:db8:2::66/64 dev eth1 nodad;"
      "ip link set eth1 up; ping -n -q -c 1 -W 5 2001:db8:2::1");
  const auto second = [&] { return ping("2001:db8:2::66", "2001:db8:2::1"); };
  ASSERT_TRUE(start("version: 1\ninterfaces: [{name: eth0}, {name: eth1}]\nservices:\n" + kGenerous));
  ASSERT_TRUE(ping("203.0.113.5") && second());
  tidegate({"block", "203.0.113.5", "2001:db8:2::66"});
  EXPECT_FALSE(ping("203.0.113.5"));
  EXPECT_FALSE(second());
  EXPECT_TRUE(eventually([&] { return row("interfaces", "eth1").value("dropped", 0) >= 1; }, seconds(5)));
  tidegate({"detach", "--interface", "eth1"});
  EXPECT_TRUE(second());
  EXPECT_FALSE(ping("203.0.113.5"));
  EXPECT_FALSE(row("interfaces", "eth1").value("attached", true));
  EXPECT_TRUE(attached());
  tidegate({"attach", "--interface", "eth1"});
  EXPECT_FALSE(second());
}

}  // namespace
}  // namespace tidegate::harness
