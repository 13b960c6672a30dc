// SPDX-License-Identifier: Apache-2.0
// A path that loses packets at random: what gets through is judged as ever, and who sends again is not punished for it.
#include "tests/integration/agent_test.hpp"

namespace tidegate::harness {
namespace {

constexpr const char* kFar4 = "198.51.100.7";
constexpr const char* kFar6 = "2001:db8:c:7::1";

// The world becomes a router that loses packets between the edge and the clients, who live in a namespace behind it.
class LossTest : public AgentTest {
 protected:
  void SetUp() override {
    AgentTest::SetUp();
    if (IsSkipped()) return;
    if (run({"nft", "--version"}).exit_code != 0) GTEST_SKIP() << "nft is not installed";
    far_ = std::make_unique<NetNs>("far");
    shell("ip -n " + far_->name() + " link add eth0 type veth peer name far0 netns " + world().name());
    world().sh(
        "ip route del local 198.51.100.0/24 dev lo; ip -6 route del local 2001:db8:c::/48 dev lo;"
        "ip -6 addr add fe80::1/64 dev far0 nodad; ip link set far0 up; ip route add 198.51.100.0/24 dev far0;"
        "ip -6 route add 2001:db8:c::/48 via fe80::2 dev far0; echo 1 > /proc/sys/net/ipv4/ip_forward;"
        "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
    far_->sh(
        "ip -6 addr add fe80::2/64 dev eth0 nodad; ip link set eth0 up; ip route add local 198.51.100.0/24 dev lo;"
        "ip -6 route add local 2001:db8:c::/48 dev lo; ip route add default via 192.0.2.2 dev eth0 onlink;"
        "ip -6 route add default via fe80::1 dev eth0; echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind;"
        "ping -n -q -c 1 -W 5 -I 198.51.100.1 192.0.2.1; ping -n -q -c 1 -W 5 -I 2001:db8:c::1 2001:db8::1");
    edge().sh("for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done");
    world().sh("nft add table inet path; nft 'add chain inet path forward { type filter hook forward priority 0; }'");
  }
  void TearDown() override {
    far_.reset();
    AgentTest::TearDown();
  }

  // From now on `percent` of the forwarded packets that `match` describes are lost, and counted by `name`.
  void lose(const std::string& name, const std::string& match, unsigned percent) const {
    world().sh("nft 'add counter inet path " + name + "' && nft 'add rule inet path forward " + match +
               " numgen random mod 100 < " + std::to_string(percent) + " counter name " + name + " drop'");
  }
  std::uint64_t lost(const std::string& name) const {
    const std::string text = world().sh("nft list counter inet path " + name);
    return std::stoull(text.substr(text.find("packets ") + 8));
  }
  const NetNs& far() const { return *far_; }

 private:
  std::unique_ptr<NetNs> far_;
};

TEST_F(LossTest, AKnownSourceLosesWhatThePathLosesAndNothingMore) {
  UdpSink sink(edge(), 9000);
  ASSERT_TRUE(start(
      policy_of("  - {name: game, match: [udp/9000], limits: {packets: {rate: 500/s, burst: 500}, new_sources: {rate: "
                "2000/s}}}\n")));
  const UdpSource known4(far(), kFar4, Topology::kEdge4, 9000), known6(far(), kFar6, Topology::kEdge6, 9000);
  known4.send();
  known6.send();
  ASSERT_TRUE(eventually([&] { return sink.all() == 2; }, seconds(5)));
  lose("v4", "ip saddr 198.51.100.7", 20);
  lose("v6", "ip6 saddr 2001:db8:c:7::1", 20);
  Process attack = start_flood("udp", "0.0.0.0/0", {"--port", "9000", "--rate", "20000", "--seconds", "10"});
  ASSERT_TRUE(eventually([&] { return dropped_for("new_sources") > 10'000; }, seconds(10)));
  std::thread other([&] { known4.send_evenly(600, seconds(2)); });
  known6.send_evenly(600, seconds(2));
  other.join();
  attack.stop();
  EXPECT_GT(lost("v4"), 50u);
  EXPECT_GT(lost("v6"), 50u);
  EXPECT_EQ(sink.from(kFar4), 601 - lost("v4"));
  EXPECT_EQ(sink.from(kFar6), 601 - lost("v6"));
}

TEST_F(LossTest, NewTcpClientsGetInAndSendAgainUnpunished) {
  EchoServer server(edge(), 80);
  ASSERT_TRUE(start(policy_of(
      "  - {name: web, match: [tcp/80], limits: {packets: {rate: 2000/s, burst: 2000}, syn: {rate: 5/s, burst: "
      "10}, new_sources: {rate: 20000/s, syn_share: 0.5}}}\n")));
  lose("there", "iifname far0", 10);
  lose("back", "oifname far0", 10);
  Process acks = start_flood("ack", "0.0.0.0/0", {"--port", "80", "--rate", "60000", "--seconds", "30"});
  Process syns = start_flood("syn", "2001:db8:1::/48", {"--port", "80", "--rate", "5000", "--seconds", "30"});
  ASSERT_TRUE(eventually([&] { return dropped_for("new_sources") > 10'000; }, seconds(10)));
  std::atomic<unsigned> served{0}, again{0};
  std::vector<std::jthread> clients;
  for (unsigned host = 1; host <= 20; ++host) {
    clients.emplace_back([&, host] {
      const TcpClient client(far(), "198.51.100." + std::to_string(host), Topology::kEdge4, 80, seconds(10));
      if (client.connected() && client.echo(20'000, seconds(10))) ++served;
      if (client.connected()) again += client.retransmissions();
    });
  }
  clients.clear();
  acks.stop();
  syns.stop();
  EXPECT_GE(served, 19u) << "of 20: a SYN is sent four times in ten seconds";
  EXPECT_GT(again, 0u) << "the path did lose something";
  EXPECT_EQ(dropped_for("packet_limit") + dropped_for("syn_limit"), 0u);
}

TEST_F(LossTest, ALimitIsExactOnWhatArrives) {
  UdpSink sink(edge(), 9000);
  ASSERT_TRUE(start(policy_of("  - {name: game, match: [udp/9000], limits: {packets: {rate: 1000/s, burst: 500}}}\n")));
  lose("path", "udp dport 9000", 30);
  constexpr std::uint64_t kSent = 10'000;
  UdpSource(far(), kFar4, Topology::kEdge4, 9000).send_evenly(kSent, seconds(2));
  const std::uint64_t arrived = kSent - lost("path");
  EXPECT_NEAR(static_cast<double>(arrived), kSent * 0.7, kSent * 0.05);
  EXPECT_TRUE(eventually([&] { return sink.all() + dropped_for("packet_limit") == arrived; }, seconds(5)))
      << sink.all() << " passed and " << dropped_for("packet_limit") << " dropped of " << arrived;
  EXPECT_LE(sink.all(), 500 + 1000 * 2.5);
  EXPECT_GE(sink.all(), (500 + 1000 * 1.5) * 0.9);
}

TEST_F(LossTest, DatagramsWithLostFragmentsCostTheOthersNothing) {
  UdpSink sink(edge(), 9000);
  ASSERT_TRUE(start(policy_of(kGenerous)));
  tidegate({"block", "198.51.100.66"});
  lose("pieces", "ip saddr 198.51.100.7", 10);
  const UdpSource sender(far(), kFar4, Topology::kEdge4, 9000), blocked(far(), "198.51.100.66", Topology::kEdge4, 9000);
  for (int i = 0; i < 200; ++i) {
    sender.send(4000);  // three fragments
    blocked.send(4000);
  }
  const auto whole = [&] { return sink.from(kFar4); };
  EXPECT_TRUE(eventually([&] { return whole() + lost("pieces") >= 200; }, seconds(5)));
  EXPECT_GE(whole(), 200 - lost("pieces")) << "only those that lost a piece";
  EXPECT_LT(whole(), 200u);
  EXPECT_GT(whole(), 100u);
  EXPECT_EQ(sink.from("198.51.100.66"), 0u);
}

}  // namespace
}  // namespace tidegate::harness
