// SPDX-License-Identifier: Apache-2.0
// Nobody locks himself out, and a safelisted source is not blocked.
#include "tests/integration/agent_test.hpp"

namespace tidegate::harness {
namespace {

class GuardTest : public AgentTest {
 protected:
  void refuse(const std::string& target, const std::string& word) const {
    const Finished refused = agent().cli({"block", target});
    EXPECT_EQ(refused.exit_code, 1) << target << ": " << refused.out;
    EXPECT_NE(refused.err.find(word), std::string::npos)
        << target << " should speak of " << word << ": " << refused.err;
    EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1) << "one line: " << refused.err;
  }
};

TEST_F(GuardTest, OwnAddressesAndTheGatewayAreNotBlocked) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  refuse(Topology::kEdge4, Topology::kEdge4);
  refuse(Topology::kEdge6, Topology::kEdge6);
  refuse(Topology::kWorld4, "gateway");
  refuse("192.0.2.0/24", "192.0.2.");
  refuse("0.0.0.0/0", "0.0.0.0/0");
  EXPECT_TRUE(agent().json({"decisions", "list"}).empty());
  EXPECT_TRUE(ping(Topology::kWorld4));
}

TEST_F(GuardTest, HoldsForImportsToo) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  const Finished refused = agent().cli({"decisions", "import", "-"}, "203.0.113.5\n192.0.2.2\n");
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("2"), std::string::npos) << refused.err;
  EXPECT_TRUE(agent().json({"decisions", "list"}).empty());
}

TEST_F(GuardTest, ThePeerOfAnSshSessionIsNotBlockedUnlessForced) {
  EchoServer sshd(edge(), 22);
  TcpClient admin(world(), "203.0.113.5", Topology::kEdge4, 22, seconds(5));
  ASSERT_TRUE(admin.connected() && admin.echo(10, seconds(5)));
  ASSERT_TRUE(start(policy_of(kGenerous)));
  refuse("203.0.113.5", "SSH");
  refuse("203.0.113.0/24", "SSH");
  EXPECT_TRUE(admin.echo(10, seconds(5)));
  tidegate({"block", "203.0.113.5", "--force", "--for", "1h"});
  const auto decisions = agent().json({"decisions", "list"});
  ASSERT_EQ(decisions.size(), 1u);
  EXPECT_TRUE(decisions[0].value("forced", false)) << "the override is recorded";
  EXPECT_FALSE(admin.echo(10, seconds(1)));
}

TEST_F(GuardTest, ASafelistedSourceIsNotBlockedEvenByForce) {
  ASSERT_TRUE(start(policy_of(kGenerous, "safelist: [203.0.113.5]\n")));
  refuse("203.0.113.5", "safelist");
  tidegate({"block", "203.0.113.0/24", "--force"});
  EXPECT_TRUE(ping("203.0.113.5"));
  EXPECT_FALSE(ping("203.0.113.6"));
  tidegate({"safelist", "add", "203.0.113.6"});
  EXPECT_TRUE(ping("203.0.113.6"));
  EXPECT_EQ(text(agent().json({"why", "203.0.113.6"}), "verdict"), "safelisted");
  tidegate({"safelist", "remove", "203.0.113.6"});
  EXPECT_FALSE(ping("203.0.113.6"));
}

TEST_F(GuardTest, HostBitsAreRefusedWithThePrefixThatWasMeant) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  refuse("203.0.113.5/24", "203.0.113.0/24");
  refuse("2001:db8:c::5/64", "2001:db8:c::/64");
}

TEST_F(GuardTest, WrongUsageAndAnAbsentAgentHaveTheirOwnExitCodes) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  EXPECT_EQ(agent().cli({"block"}).exit_code, 2);
  EXPECT_EQ(agent().cli({"no-such-command"}).exit_code, 2);
  agent().stop();
  const Finished unreachable = agent().cli({"status"});
  EXPECT_EQ(unreachable.exit_code, 3);
  EXPECT_EQ(std::count(unreachable.err.begin(), unreachable.err.end(), '\n'), 1) << unreachable.err;
}

}  // namespace
}  // namespace tidegate::harness
