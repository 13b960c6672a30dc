// SPDX-License-Identifier: Apache-2.0
// A policy is exchanged, or the agent dies, while packets come: none is lost, none leaks.
#include <signal.h>

#include "tests/integration/agent_test.hpp"

namespace tidegate::harness {
namespace {

class ReloadTest : public AgentTest {
 protected:
  static std::string policy(unsigned generous) {
    return policy_of(
        "  - {name: game, match: [udp/9000], limits: {packets: {rate: " + std::to_string(generous) +
        "/s, burst: 50000}}}\n  - {name: slow, match: [udp/9001], limits: {packets: {rate: 100/s, burst: 100}}}\n");
  }
};

TEST_F(ReloadTest, UnderLoadLosesAndLeaksNothing) {
  UdpSink sink(edge(), 9000), slow(edge(), 9001);
  ASSERT_TRUE(start(policy(50000)));
  tidegate({"block", "203.0.113.66"});
  const auto one = agent().file("one.yaml", policy(60000)), two = agent().file("two.yaml", policy(50000));
  Process blocked = start_flood("udp", "203.0.113.66", {"--port", "9000", "--rate", "20000", "--seconds", "6"});
  Process limited = start_flood("udp", "203.0.113.67", {"--port", "9001", "--rate", "10000", "--seconds", "6"});
  std::jthread good([&] { UdpSource(world(), "203.0.113.7", Topology::kEdge4, 9000).send_evenly(20'000, seconds(5)); });
  for (int i = 0; i < 20; ++i) tidegate({"policy", "apply", (i % 2 == 0 ? one : two).string()});
  good.join();
  ASSERT_TRUE(blocked.wait(seconds(30)) && limited.wait(seconds(30)));
  EXPECT_EQ(sink.from("203.0.113.7"), 20'000u) << "nothing lost";
  EXPECT_EQ(sink.from("203.0.113.66"), 0u) << "nothing leaked";
  EXPECT_LE(slow.from("203.0.113.67"), 100 + 100 * 6.5) << "a reload gives nobody a new bucket";
  EXPECT_EQ(agent().json({"status"}).value("policy_generation", 0), 21);
}

TEST_F(ReloadTest, KillUnderLoadKeepsEnforcingAndTheNextAgentAdopts) {
  UdpSink sink(edge(), 9000), slow(edge(), 9001);
  ASSERT_TRUE(start(policy(50000)));
  tidegate({"block", "203.0.113.66", "--for", "1h"});
  Process blocked = start_flood("udp", "203.0.113.66", {"--port", "9000", "--rate", "20000", "--seconds", "8"});
  Process limited = start_flood("udp", "203.0.113.67", {"--port", "9001", "--rate", "10000", "--seconds", "8"});
  std::jthread good([&] { UdpSource(world(), "203.0.113.7", Topology::kEdge4, 9000).send_evenly(14'000, seconds(7)); });
  for (int i = 0; i < 3; ++i) {
    const std::uint64_t before = row("interfaces", "eth0").value("dropped", 0ULL);
    agent().kill();
    ASSERT_EQ(agent().start(), "");
    EXPECT_GE(row("interfaces", "eth0").value("dropped", 0ULL), before) << "counters are adopted";
    EXPECT_TRUE(attached());
  }
  good.join();
  ASSERT_TRUE(blocked.wait(seconds(30)) && limited.wait(seconds(30)));
  EXPECT_EQ(sink.from("203.0.113.7"), 14'000u);
  EXPECT_EQ(sink.from("203.0.113.66"), 0u);
  EXPECT_LE(slow.from("203.0.113.67"), 100 + 100 * 8.5);
  EXPECT_EQ(agent().json({"decisions", "list"}).size(), 1u);
}

TEST_F(ReloadTest, AnOrderlyStopKeepsEnforcingAndExitsZero) {
  ASSERT_TRUE(start(policy(50000)));
  tidegate({"block", "203.0.113.66"});
  EXPECT_EQ(agent().stop().exit_code, 0);
  EXPECT_FALSE(ping("203.0.113.66"));
  EXPECT_TRUE(ping("203.0.113.7"));
  ASSERT_EQ(agent().start(), "");
  EXPECT_FALSE(ping("203.0.113.66"));
}

TEST_F(ReloadTest, DetachIsRecordedAndSurvivesARestart) {
  ASSERT_TRUE(start(policy(50000)));
  tidegate({"block", "203.0.113.66"});
  tidegate({"detach"});
  EXPECT_TRUE(ping("203.0.113.66")) << "detach stops enforcement";
  EXPECT_NE(warnings().find("detach"), std::string::npos) << warnings();
  agent().kill();
  ASSERT_EQ(agent().start(), "");
  EXPECT_FALSE(attached());
  EXPECT_TRUE(ping("203.0.113.66")) << "a restart does not undo it";
  EXPECT_NE(warnings().find("detach"), std::string::npos) << warnings();
  tidegate({"attach"});
  EXPECT_TRUE(attached());
  EXPECT_FALSE(ping("203.0.113.66"));
  EXPECT_EQ(warnings().find("detach"), std::string::npos) << warnings();
}

TEST_F(ReloadTest, AnUnconfirmedPolicyIsTakenBack) {
  ASSERT_TRUE(start(policy(50000)));
  const auto next =
      agent().file("next.yaml", policy_of("  - {name: none, default: true, limits: {packets: {rate: 1/h}}}\n"));
  tidegate({"policy", "apply", next.string(), "--confirm", "3s"});
  EXPECT_EQ(agent().json({"status"}).value("policy_generation", 0), 2);
  const Finished second = agent().cli({"policy", "apply", next.string()});
  EXPECT_EQ(second.exit_code, 1) << "a second apply is refused while one waits";
  EXPECT_TRUE(eventually(
      [&] {
        return agent().json({"policy", "show"}).dump().find("udp/9000") != std::string::npos;
      },
      seconds(15)));
  EXPECT_EQ(agent().cli({"policy", "confirm"}).exit_code, 1) << "nothing waits any more";
}

TEST_F(ReloadTest, AnUnconfirmedPolicyIsTakenBackAcrossAKill) {
  ASSERT_TRUE(start(policy(50000)));
  const auto next =
      agent().file("next.yaml", policy_of("  - {name: other, match: [udp/7], limits: {packets: {rate: 10/s}}}\n"));
  tidegate({"policy", "apply", next.string(), "--confirm", "2s"});
  agent().kill();
  ASSERT_EQ(agent().start(), "");
  EXPECT_TRUE(eventually(
      [&] {
        return agent().json({"policy", "show"}).dump().find("udp/9000") != std::string::npos;
      },
      seconds(15)));
  // And one that is confirmed stays, also across a kill.
  tidegate({"policy", "apply", next.string(), "--confirm", "1h"});
  tidegate({"policy", "confirm"});
  agent().kill();
  ASSERT_EQ(agent().start(), "");
  EXPECT_NE(agent().json({"policy", "show"}).dump().find("udp/7"), std::string::npos);
}

TEST_F(ReloadTest, ARefusedPolicyChangesNothing) {
  ASSERT_TRUE(start(policy(50000)));
  const auto bad = agent().file("bad.yaml", "version: 1\nservices:\n  - {name: a, match: [tcp/80, tcp/99999]}\n");
  const Finished refused = agent().cli({"policy", "apply", bad.string()});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("bad.yaml:3:"), std::string::npos) << refused.err;
  EXPECT_EQ(agent().json({"status"}).value("policy_generation", 0), 1);
}

}  // namespace
}  // namespace tidegate::harness
