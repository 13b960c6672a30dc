// SPDX-License-Identifier: Apache-2.0
// A flood from sources that nobody has seen before and will see again, and the people who use the service meanwhile.
#include "tests/integration/agent_test.hpp"

namespace tidegate::harness {
namespace {

class FloodTest : public AgentTest {
 protected:
  // The edge must not lose anything by itself: spoofed sources have no way back.
  void SetUp() override {
    AgentTest::SetUp();
    if (!IsSkipped()) edge().sh("for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done");
  }

  static constexpr const char* kPolicy =
      "  - {name: web, match: [tcp/80], limits: {packets: {rate: 2000/s, burst: 2000}, syn: {rate: 50/s, burst: 50},"
      " new_sources: {rate: 20000/s, syn_share: 0.5}}}\n"
      "  - {name: game, match: [udp/9000], limits: {packets: {rate: 500/s, burst: 500}, new_sources: {rate: "
      "2000/s}}}\n";
};

TEST_F(FloodTest, AKnownSourceInsideItsLimitLosesNothing) {
  UdpSink sink(edge(), 9000);
  ASSERT_TRUE(start(policy_of(kPolicy)));
  const UdpSource known4(world(), "198.51.100.7", Topology::kEdge4, 9000);
  const UdpSource known6(world(), "2001:db8:c:7::1", Topology::kEdge6, 9000);
  std::thread before([&] { known4.send_evenly(20, milliseconds(200)); });
  known6.send_evenly(20, milliseconds(200));
  before.join();
  Process attack4 = start_flood("udp", "0.0.0.0/0", {"--port", "9000", "--rate", "60000", "--seconds", "4"});
  Process attack6 = start_flood("udp", "2001:db8::/32", {"--port", "9000", "--rate", "30000", "--seconds", "4"});
  std::thread during([&] { known4.send_evenly(900, seconds(3)); });
  known6.send_evenly(900, seconds(3));
  during.join();
  ASSERT_TRUE(attack4.wait(seconds(30)) && attack6.wait(seconds(30)));
  EXPECT_EQ(sink.from("198.51.100.7"), 920u);
  EXPECT_EQ(sink.from("2001:db8:c:7::1"), 920u);
  EXPECT_LE(sink.all(), 2 * 920u + 2000 * 5.5) << "newcomers are bounded by the budget of the service";
  EXPECT_TRUE(eventually([&] { return dropped_for("new_sources") > 200'000; }, seconds(5)));
}

TEST_F(FloodTest, AnIdleProvenClientLosesNothing) {
  EchoServer server(edge(), 80);
  ASSERT_TRUE(start(policy_of(kPolicy)));
  TcpClient client4(world(), "198.51.100.7", Topology::kEdge4, 80, seconds(5));
  TcpClient client6(world(), "2001:db8:c:7::1", Topology::kEdge6, 80, seconds(5));
  ASSERT_TRUE(client4.connected() && client6.connected());
  ASSERT_TRUE(client4.echo(100, seconds(5)) && client6.echo(100, seconds(5)));
  Process acks = start_flood("ack", "0.0.0.0/0", {"--port", "80", "--rate", "60000", "--seconds", "6"});
  Process syns = start_flood("syn", "2001:db8::/32", {"--port", "80", "--rate", "30000", "--seconds", "6"});
  // Idle long enough for every bucket to be free again and for its way to be claimed by the flood.
  ASSERT_FALSE(acks.wait(seconds(3)));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client4.echo(1000, seconds(2)) && client6.echo(1000, seconds(2))) << i;
  }
  EXPECT_EQ(client4.retransmissions(), 0u);
  EXPECT_EQ(client6.retransmissions(), 0u);
  acks.stop();
  syns.stop();
}

TEST_F(FloodTest, ANeverSeenTcpClientGetsInThroughTheSynShare) {
  EchoServer server(edge(), 80);
  ASSERT_TRUE(start(policy_of(kPolicy)));
  // The budget for newcomers is spent by packets that are no SYNs, and the share of SYNs is fought for.
  Process acks = start_flood("ack", "0.0.0.0/0", {"--port", "80", "--rate", "60000", "--seconds", "20"});
  Process syns = start_flood("syn", "0.0.0.0/0", {"--port", "80", "--rate", "20000", "--seconds", "20"});
  ASSERT_TRUE(eventually([&] { return dropped_for("new_sources") > 10'000; }, seconds(10)));
  unsigned in = 0;
  for (unsigned host = 1; host <= 10; ++host) {
    const TcpClient client(world(), "203.0.113." + std::to_string(host), Topology::kEdge4, 80, milliseconds(3500));
    in += client.connected() && client.echo(500, seconds(4)) ? 1 : 0;
  }
  EXPECT_GE(in, 8u) << "of 10 within three SYNs each";
  acks.stop();
  syns.stop();
}

TEST_F(FloodTest, EventsStayInsideTheirBudget) {
  ASSERT_TRUE(start(policy_of(kPolicy)));
  Process attack = start_flood("udp", "0.0.0.0/0", {"--port", "9000", "--rate", "0", "--seconds", "3"});
  ASSERT_TRUE(attack.wait(seconds(30)));
  EXPECT_TRUE(eventually([&] { return dropped_for("new_sources") > 100'000; }, seconds(5)));
  const std::string stat = read_file("/proc/" + std::to_string(agent().pid()) + "/stat");
  unsigned long user = 0, system = 0;
  ASSERT_EQ(std::sscanf(stat.substr(stat.rfind(')')).c_str(), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                        &user, &system),
            2);
  EXPECT_LT(user + system, 150u) << "of 300 and more ticks of wall time: the flood must not buy the agent's CPU";
}

}  // namespace
}  // namespace tidegate::harness
