// SPDX-License-Identifier: Apache-2.0
// The harness itself: a test that trusts it must be able to.
#include <gtest/gtest.h>

#include "tests/harness/agent.hpp"
#include "tests/harness/flood_frame.hpp"
#include "tests/harness/netns.hpp"
#include "tests/harness/process.hpp"
#include "tests/harness/raw_socket.hpp"

namespace tidegate::harness {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class HarnessTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_isolate()) GTEST_SKIP() << why_not();
  }
};

TEST_F(HarnessTest, BothFamiliesReachTheEdge) {
  Topology net;
  EXPECT_NO_THROW(net.world().sh("ping -c 1 -W 2 192.0.2.1"));
  EXPECT_NO_THROW(net.world().sh("ping -c 1 -W 2 -I 203.0.113.77 192.0.2.1"));
  EXPECT_NO_THROW(net.world().sh("ping -6 -c 1 -W 2 2001:db8::1"));
  EXPECT_NO_THROW(net.world().sh("ping -6 -c 1 -W 2 -I 2001:db8:c:1::7 2001:db8::1"));
  net.remove_link();
  EXPECT_THROW(net.world().sh("ping -c 1 -W 1 192.0.2.1"), std::runtime_error);
  net.make_link();
  EXPECT_NO_THROW(net.world().sh("ping -c 1 -W 2 192.0.2.1"));
}

TEST_F(HarnessTest, ProcessesEndWithTheirOwners) {
  pid_t pid = -1;
  {
    Process sleeper = Process::start({"sleep", "600"});
    pid = sleeper.pid();
    EXPECT_TRUE(sleeper.running());
  }
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_EQ(run({"/bin/sh", "-c", "cat; echo oops >&2; exit 3"}, {.input = "in"}).exit_code, 3);
  EXPECT_EQ(run({"/bin/sh", "-c", "cat"}, {.input = "in"}).out, "in");
  EXPECT_EQ(run({"sleep", "600"}, {}, milliseconds(50)).exit_code, 124);
}

// The kernel answers only what has right checksums.
TEST_F(HarnessTest, FloodFramesAreValidInBothFamilies) {
  Topology net;
  const std::string tool = program("tidegate-flood").string() + " --interface eth0 --mac " + net.edge().mac("eth0");
  net.world().sh(tool +
                 " --kind udp --sources 203.0.113.0/24 --destination 192.0.2.1 --port 9 --count 100 --payload 33");
  net.world().sh(tool +
                 " --kind udp --sources 2001:db8:c::/48 --destination 2001:db8::1 --port 9 --count 100 --payload 33");
  const std::string counters = net.edge().sh("cat /proc/net/snmp /proc/net/snmp6");
  EXPECT_NE(counters.find("Udp6NoPorts                     \t100"), std::string::npos) << counters;
  const std::string udp = net.edge().sh("awk '/^Udp:/ {print $3, $8}' /proc/net/snmp | tail -n 1");
  EXPECT_EQ(udp, "100 0\n") << "NoPorts and InCsumErrors";
  net.world().sh(tool + " --kind syn --sources 203.0.113.0/24 --destination 192.0.2.1 --port 9 --count 100");
  EXPECT_EQ(net.edge().sh("awk '/^Tcp:/ {print $11, $15}' /proc/net/snmp | tail -n 1"), "100 100\n")
      << "InSegs, OutRsts";
  // The topology itself may have pinged while it came up.
  const auto echoes = [&] { return std::stoul(net.edge().sh("awk '/^Icmp6InEchos/ {print $2}' /proc/net/snmp6")); };
  const auto before = echoes();
  net.world().sh(tool + " --kind icmp --sources 2001:db8:c::/48 --destination 2001:db8::1 --count 100 --payload 8");
  EXPECT_EQ(echoes() - before, 100U);
}

TEST_F(HarnessTest, TheFloodToolRefusesWhatIsNotATest) {
  const Finished outside = run({program("tidegate-flood").string(), "--interface", "lo", "--sources", "192.0.2.7",
                                "--destination", "192.0.2.1", "--mac", "02:00:00:00:00:01"});
  EXPECT_EQ(outside.exit_code, 1);
  NetNs space("refuse");
  const Finished loopback = run({program("tidegate-flood").string(), "--interface", "lo", "--sources", "192.0.2.7",
                                 "--destination", "192.0.2.1", "--mac", "02:00:00:00:00:01"},
                                {.netns = space.name()});
  EXPECT_EQ(loopback.exit_code, 1);
  EXPECT_NE(loopback.err.find("lo"), std::string::npos) << loopback.err;
}

TEST_F(HarnessTest, RawSocketsCountWhatArrives) {
  Topology net;
  RawSocket at_edge(net.edge(), "eth0");
  RawSocket at_world(net.world(), "eth0");
  Frame frame(60, std::byte{0x5a});
  frame[12] = std::byte{0x88};
  frame[13] = std::byte{0xb5};  // local experimental (IEEE 802)
  for (int i = 0; i < 1000; ++i) at_world.send(frame);
  const auto ours = [](std::span<const std::byte> seen) { return seen.size() == 60 && seen[20] == std::byte{0x5a}; };
  EXPECT_EQ(at_edge.count(ours, milliseconds(100)), 1000u);
  EXPECT_EQ(at_world.count(ours, milliseconds(10)), 0u) << "what was sent here is not returned here";
}

}  // namespace
}  // namespace tidegate::harness
