// SPDX-License-Identifier: Apache-2.0
// The host's own traffic under the example policy: what it asked for is not a client.
#include "tests/integration/agent_test.hpp"

namespace tidegate::harness {
namespace {

// As in the contract, with small limits so that a mistake shows.
const std::string kExample = policy_of(
    "  - name: api\n    match: [tcp/443, tcp/8443]\n    limits:\n      packets: {rate: 2000/s, burst: 4000}\n"
    "      bytes: {rate: 20MB/s, burst: 40MB}\n      syn: {rate: 50/s, burst: 100}\n"
    "      new_sources: {rate: 20000/s, syn_share: 0.25}\n    tls: {inspect: true}\n    session: {cookie: sid}\n"
    "  - name: dns\n    match: [udp/53]\n    limits: {packets: {rate: 200/s, burst: 400}}\n    dry_run: true\n"
    "  - name: everything-else\n    default: true\n"
    "    limits: {packets: {rate: 5000/s, burst: 5000}, new_sources: {rate: 1000/s}}\n",
    "enforce: true\nmalformed: drop\nfragments: {non_first: pass}\nreplies: {packets: {rate: 1000000/s}}\n");

using HostTest = AgentTest;

TEST_F(HostTest, DownloadsAtLineRate) {
  const auto rate = [&] { return download(world(), Topology::kWorld4, edge(), 400'000'000, seconds(60)); };
  const double before = rate();
  ASSERT_TRUE(start(kExample));
  const double with = rate();
  RecordProperty("without_MBps", static_cast<int>(before));
  RecordProperty("with_MBps", static_cast<int>(with));
  // 5000 packets a second would be 7.5 MB/s. A veth with XDP takes no super-packets, and is slower for that alone.
  EXPECT_GT(with, std::min(before * 0.2, 150.0)) << "before: " << before << " MB/s";
  EXPECT_TRUE(eventually([&] { return row("reasons", "reply").value("passed", 0) > 1000; }, seconds(5)));
}

TEST_F(HostTest, ResolvesNamesDuringAFlood) {
  const Finished resolver = run({"dnsmasq", "--version"});
  if (resolver.exit_code != 0) GTEST_SKIP() << "dnsmasq is not installed";
  Process dnsmasq = Process::start(
      {"dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root",
       "--pid-file=", "--listen-address=192.0.2.2", "--bind-interfaces", "--address=/example.org/203.0.113.1"},
      {.netns = world().name()});
  ASSERT_TRUE(eventually([&] { return world().sh("cat /proc/net/udp").find("020200C0:0035") != std::string::npos; },
                         seconds(5)));
  ASSERT_TRUE(start(kExample));
  // The flood spends the newcomers' budget of the default service that answers would fall under.
  Process attack = start_flood("udp", "0.0.0.0/0", {"--port", "9", "--rate", "50000", "--seconds", "20"});
  ASSERT_TRUE(eventually([&] { return dropped_for("new_sources") > 10'000; }, seconds(10)));
  std::string names;
  for (int i = 0; i < 100; ++i) names += "host" + std::to_string(i) + ".example.org\n";
  const Finished answers = run({"dig", "@192.0.2.2", "+short", "+tries=1", "+timeout=2", "-f", "/dev/stdin"},
                               {.netns = edge().name(), .input = names}, seconds(60));
  EXPECT_EQ(std::count(answers.out.begin(), answers.out.end(), '\n'), 100) << answers.out.substr(0, 500);
  EXPECT_EQ(answers.out.find("timed out"), std::string::npos);
  attack.stop();
}

TEST_F(HostTest, PingsAndIsPingedDuringAFlood) {
  ASSERT_TRUE(start(kExample));
  ASSERT_TRUE(ping("198.51.100.7") && ping("2001:db8:c::7", Topology::kEdge6));
  Process attack = start_flood("udp", "0.0.0.0/0", {"--port", "9", "--rate", "50000", "--seconds", "20"});
  ASSERT_TRUE(eventually([&] { return dropped_for("new_sources") > 10'000; }, seconds(10)));
  for (const char* target : {"192.0.2.2", "2001:db8::2"}) {
    const Finished out = run({"ping", "-n", "-c", "50", "-i", "0.02", "-W", "1", target}, {.netns = edge().name()});
    EXPECT_NE(out.out.find(" 0% packet loss"), std::string::npos) << out.out;
  }
  EXPECT_TRUE(ping("198.51.100.7")) << "a known source is still answered";
  attack.stop();
}

TEST_F(HostTest, WhatIsNotEnforcedIsNamed) {
  ASSERT_TRUE(
      start(kExample +
            "rules:\n  - {name: by-ja4, key: ja4, when: {count: 10, within: 1m}, then: {action: block, "
            "for: 1h}}\n  - {name: by-source, when: {count: 10, within: 1m}, then: {action: block, for: 1h}}\n"));
  const auto said = agent().json({"status"}).value("not_enforced", nlohmann::json::array());
  EXPECT_EQ(said, nlohmann::json::array({"rules.by-ja4: a ja4 alone names nobody, its decisions are reported only"}));
}

}  // namespace
}  // namespace tidegate::harness
