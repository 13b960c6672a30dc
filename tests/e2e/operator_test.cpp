// SPDX-License-Identifier: Apache-2.0
// What an operator does on other days: policies forth and back, decisions out and in, a capture replayed, a dump for a
// bug report.
#include <array>
#include <set>
#include <string>

#include "tests/e2e/edge.hpp"
#include "tests/harness/terminal.hpp"

namespace tidegate::harness {
namespace {

using OperatorTest = EdgeTest;

TEST_F(OperatorTest, PoliciesAreComparedAppliedAndRolledBack) {
  ASSERT_TRUE(start(policy_of(kWeb)));
  const std::string changed = policy_of(std::string(kWeb).replace(std::string(kWeb).find("1000/s"), 6, "1500/s"));
  const std::string file = agent().file("changed.yaml", changed).string();
  EXPECT_EQ(agent().cli({"policy", "check", file}).exit_code, 0);
  const Finished diff = agent().cli({"policy", "diff", file});
  EXPECT_EQ(diff.exit_code, 0);
  EXPECT_NE(diff.out.find("1500/s"), std::string::npos) << diff.out;
  tidegate({"policy", "apply", file, "--dry-run"});
  EXPECT_EQ(agent().json({"status"}).value("policy_generation", 0), 1);
  tidegate({"policy", "apply", file});
  tidegate({"policy", "rollback"});
  EXPECT_EQ(agent().json({"status"}).value("policy_generation", 0), 3) << "a rollback is a new generation";
  EXPECT_EQ(agent().json({"policy", "history"}).size(), 3u);
  EXPECT_EQ(agent().cli({"policy", "show"}).out.find("1500/s"), std::string::npos);
  agent().kill();
  ASSERT_EQ(agent().start(), "");
  EXPECT_EQ(agent().json({"status"}).value("policy_generation", 0), 3) << "what was applied runs, not the file";
}

// What was decided, without ids and times; an import numbers decisions in the order of their targets.
std::set<std::array<std::string, 3>> said(const nlohmann::json& decisions) {
  std::set<std::array<std::string, 3>> all;
  for (const auto& one : decisions) all.insert({text(one, "target"), text(one, "action"), text(one, "reason")});
  return all;
}

TEST_F(OperatorTest, DecisionsGoOutAndComeIn) {
  ASSERT_TRUE(start(policy_of(kWeb)));
  tidegate({"block", "203.0.113.5", "2001:db8:c::/64", "--for", "2h", "--reason", "a reason, \"quoted\""});
  tidegate({"limit", "203.0.113.6", "--packets", "10/s"});
  const auto before = agent().json({"decisions", "list"});
  ASSERT_EQ(before.size(), 3u);
  for (const char* key : {"id", "target", "action", "origin", "reason", "created", "expires"})
    EXPECT_TRUE(before[0].contains(key)) << key;
  for (const char* format : {"json", "csv"}) {
    const std::string exported = tidegate({"decisions", "export", "--format", format});
    tidegate({"decisions", "delete", "--origin", "operator"});
    ASSERT_TRUE(agent().json({"decisions", "list"}).empty());
    const Finished imported = agent().cli({"decisions", "import", "-", "--origin", "operator"}, exported);
    ASSERT_EQ(imported.exit_code, 0) << format << ": " << imported.err;
    EXPECT_EQ(said(agent().json({"decisions", "list"})), said(before)) << format;
  }
  EXPECT_EQ(get("203.0.113.5"), "000");
  EXPECT_EQ(get("203.0.113.7"), "200");
  EXPECT_NE(tidegate({"decisions", "export", "--format", "nft"}).find("203.0.113.5"), std::string::npos);
}

TEST_F(OperatorTest, ACaptureIsReplayedThroughTheRealProgram) {
  ASSERT_TRUE(start(policy_of(kWeb)));
  if (run({"tcpdump", "--version"}).exit_code != 0) GTEST_SKIP() << "tcpdump is not installed";
  const auto pcap = files_.path() / "attack.pcap";
  Process tcpdump = Process::start({"tcpdump", "-i", "eth0", "-U", "-Z", "root", "-w", pcap.string(), "udp port 9"},
                                   {.netns = edge().name()});
  ASSERT_TRUE(
      eventually([&] { return std::filesystem::exists(pcap) && std::filesystem::file_size(pcap) >= 24; }, seconds(10)));
  flood("udp", "203.0.113.5", {"--port", "9", "--rate", "1000", "--count", "1000"});
  ASSERT_TRUE(eventually([&] { return std::filesystem::file_size(pcap) > 1000 * (16 + 42); }, seconds(10)));
  tcpdump.stop();
  const std::string policy =
      policy_of("  - {name: echo, match: [udp/9], limits: {packets: {rate: 10/s, burst: 100}}}\n");
  const auto replayed =
      agent().json({"replay", "--pcap", pcap.string(), "--policy", agent().file("replay.yaml", policy).string()});
  ASSERT_TRUE(replayed.is_array() && replayed.size() == 1) << replayed.dump();
  const auto& source = replayed[0];
  EXPECT_EQ(text(source, "source"), "203.0.113.5");
  EXPECT_EQ(source.value("seen", 0), 1000);
  EXPECT_NEAR(source.value("passed", 0), 110, 8)
      << "a burst of 100, then 10 a second for the second that the capture lasts";
}

TEST_F(OperatorTest, MetricsEventsAndTheSupportDump) {
  ASSERT_TRUE(start(policy_of(kWeb)));
  tidegate({"block", "203.0.113.5", "--reason", "event"});
  EXPECT_EQ(get("203.0.113.5", 1), "000");
  const std::string metrics = edge().sh("curl -s http://127.0.0.1:9464/metrics");
  EXPECT_NE(metrics.find("# TYPE"), std::string::npos);
  EXPECT_NE(metrics.find("blocked_address"), std::string::npos) << metrics.substr(0, 2000);
  EXPECT_EQ(metrics.find("203.0.113.5"), std::string::npos) << "no address is a label";
  EXPECT_TRUE(eventually(
      [&] {
        return agent().cli({"events", "--since", "10m", "--source", "203.0.113.5"}).out.find("203.0.113.5") !=
               std::string::npos;
      },
      seconds(10)));
  const auto dump = files_.path() / "dump";
  tidegate({"support", "dump", dump.string()});
  EXPECT_GT(std::filesystem::file_size(dump), 500u);
}

TEST_F(OperatorTest, TopIsALiveScreenUntilAKeyEndsIt) {
  ASSERT_TRUE(start(policy_of("  - {name: web, match: [tcp/80], limits: {packets: {rate: 10/s, burst: 10}}}\n")));
  Process attack = start_flood("ack", "203.0.113.5", {"--port", "80", "--rate", "2000", "--seconds", "30"});
  Terminal screen({program("tidegate").string(), "--socket", agent().socket().string(), "top"});
  EXPECT_TRUE(screen.shows("203.0.113.5", seconds(10))) << screen.drawn();
  EXPECT_TRUE(screen.shows("packet_limit", seconds(10))) << "and why";
  EXPECT_TRUE(screen.shows("\u2588", seconds(10))) << "a bar";
  while (screen.draws(milliseconds(1))) {
  }
  EXPECT_TRUE(screen.draws(seconds(5))) << "again and again";
  screen.press('q');
  EXPECT_EQ(screen.wait(seconds(5)), 0);
  EXPECT_NE(screen.drawn().rfind("\x1b[?1049l"), std::string::npos) << "the terminal is as it was";
  attack.stop();
}

TEST_F(OperatorTest, OnlyThoseWhoMayAreServed) {
  ASSERT_TRUE(start(policy_of(kWeb)));
  shell("chmod a+rx " + agent().directory().string());
  const Finished stranger =
      run({"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", program("tidegate").string(),
           "--socket", agent().socket().string(), "block", "203.0.113.5"},
          {.netns = edge().name()});
  EXPECT_EQ(stranger.exit_code, 4) << stranger.err;
  EXPECT_EQ(get("203.0.113.5"), "200");
}

}  // namespace
}  // namespace tidegate::harness
