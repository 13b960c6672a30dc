// SPDX-License-Identifier: Apache-2.0
// The link under the agent's feet: gone and back, with jumbo frames, with frames that no stack would send.
#include <arpa/inet.h>

#include "tests/harness/flood_frame.hpp"
#include "tests/harness/raw_socket.hpp"
#include "tests/integration/agent_test.hpp"

namespace tidegate::harness {
namespace {

class LinkTest : public AgentTest {
 protected:
  // A UDP frame from `source` to port 9000 of the edge.
  Frame udp(const std::string& source, std::size_t payload) const {
    FloodTarget target;
    target.kind = FloodKind::kUdp;
    target.sources = *Prefix::parse(source);
    target.destination = *Address::parse(Topology::kEdge4);
    target.port = 9000;
    target.payload = payload;
    const std::string mac = edge().mac("eth0");
    std::sscanf(mac.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &target.destination_mac[0],
                &target.destination_mac[1], &target.destination_mac[2], &target.destination_mac[3],
                &target.destination_mac[4], &target.destination_mac[5]);
    const FloodFrame made(target, 1);
    Frame frame;
    for (const std::uint8_t byte : made.bytes()) frame.push_back(std::byte{byte});
    return frame;
  }

  static Frame tagged(const Frame& frame, std::uint16_t type) {
    Frame result = frame;
    const std::byte tag[] = {std::byte(type >> 8), std::byte(type & 0xff), std::byte{0}, std::byte{7}};
    result.insert(result.begin() + 12, std::begin(tag), std::end(tag));
    return result;
  }

  // The frame cut into two IP fragments, at byte `cut` of the IP payload (a multiple of 8).
  static std::pair<Frame, Frame> fragments(const Frame& frame, std::size_t cut) {
    Frame first(frame.begin(), frame.begin() + 34 + static_cast<long>(cut));
    Frame second(frame.begin(), frame.begin() + 34);
    second.insert(second.end(), frame.begin() + 34 + static_cast<long>(cut), frame.end());
    set_fragment(first, 0x2000);
    set_fragment(second, static_cast<std::uint16_t>(cut / 8));
    return {first, second};
  }

  static void set_fragment(Frame& frame, std::uint16_t field) {
    const auto put = [&](std::size_t at, std::uint32_t value) {
      frame[at] = std::byte(value >> 8 & 0xff);
      frame[at + 1] = std::byte(value & 0xff);
    };
    put(16, static_cast<std::uint32_t>(frame.size() - 14));
    put(18, 0x1234);
    put(20, field);
    put(24, 0);
    std::uint32_t sum = 0;
    for (std::size_t i = 14; i < 34; i += 2)
      sum += std::to_integer<std::uint32_t>(frame[i]) << 8 | std::to_integer<std::uint32_t>(frame[i + 1]);
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    put(24, ~sum & 0xffff);
  }
};

TEST_F(LinkTest, AnInterfaceThatWentAndCameBackIsProtectedAgainWithAWarning) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  tidegate({"block", "203.0.113.5"});
  net_->remove_link();
  EXPECT_TRUE(eventually([&] { return !attached(); }, seconds(15)));
  EXPECT_NE(warnings().find("eth0"), std::string::npos) << warnings();
  net_->make_link();
  EXPECT_TRUE(eventually([&] { return attached(); }, seconds(15)));
  EXPECT_TRUE(ping("203.0.113.6"));
  EXPECT_FALSE(ping("203.0.113.5"));
}

TEST_F(LinkTest, RemovedPinsAreNoticed) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  tidegate({"block", "203.0.113.5"});
  shell("rm -rf " + agent().pin_dir().string() + "/*");
  const auto link = agent().pin_dir() / "link_eth0";
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(link); }, seconds(15))) << "pinned again";
  EXPECT_TRUE(eventually([&] { return !ping("203.0.113.5"); }, seconds(15))) << "protected again";
}

TEST_F(LinkTest, VlanTagsHideNobody) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  tidegate({"block", "203.0.113.5"});
  const RawSocket at_world(world(), "eth0"), at_edge(edge(), "eth0");
  for (const char* source : {"203.0.113.5", "203.0.113.6"}) {
    const Frame plain = udp(source, 40);
    for (const Frame& frame : {tagged(plain, 0x8100), tagged(plain, 0x88a8), tagged(tagged(plain, 0x8100), 0x88a8)}) {
      for (int i = 0; i < 10; ++i) at_world.send(frame);
    }
  }
  // AF_PACKET may show a frame with its outer tag taken off: the source is looked for where it may be.
  std::map<int, int> seen;
  at_edge.count(
      [&](std::span<const std::byte> frame) {
        for (std::size_t at = 26; at <= 34 && at + 4 <= frame.size(); at += 4) {
          if (frame[at] == std::byte{203} && frame[at + 2] == std::byte{113})
            ++seen[std::to_integer<int>(frame[at + 3])];
        }
        return true;
      },
      milliseconds(300));
  EXPECT_EQ(seen[5], 0);
  EXPECT_EQ(seen[6], 30);
}

TEST_F(LinkTest, FragmentsInAnyOrderAreReassembledAndHideNobody) {
  UdpSink sink(edge(), 9000);
  ASSERT_TRUE(start(policy_of(kGenerous)));
  tidegate({"block", "203.0.113.5"});
  const RawSocket at_world(world(), "eth0");
  for (const char* source : {"203.0.113.5", "203.0.113.6"}) {
    const auto [first, second] = fragments(udp(source, 1000), 512);
    at_world.send(second);  // reordered
    at_world.send(first);
    at_world.send(second);  // a lone rest: its datagram never comes together
  }
  EXPECT_TRUE(eventually([&] { return sink.from("203.0.113.6") == 1; }, seconds(5)));
  EXPECT_EQ(sink.from("203.0.113.5"), 0u);
  EXPECT_EQ(edge().sh("awk '/^Ip:/ {print $15}' /proc/net/snmp | tail -n 1"), "3\n")
      << "ReasmReqds: those of the passed source";
}

TEST_F(LinkTest, NonFirstFragmentsAreDroppedWhenThePolicySaysSo) {
  UdpSink sink(edge(), 9000);
  ASSERT_TRUE(start(policy_of(kGenerous, "fragments: {non_first: drop}\n")));
  const RawSocket at_world(world(), "eth0");
  const auto [first, second] = fragments(udp("203.0.113.6", 1000), 512);
  at_world.send(first);
  at_world.send(second);
  EXPECT_TRUE(eventually([&] { return dropped_for("fragment") == 1; }, seconds(5)));
  EXPECT_EQ(sink.all(), 0u);
}

TEST_F(LinkTest, MalformedFramesFollowThePolicy) {
  ASSERT_TRUE(start(policy_of(kGenerous)));
  const RawSocket at_world(world(), "eth0");
  Frame broken = udp("203.0.113.6", 40);
  broken[14] = std::byte{0x43};  // a header of 12 bytes
  at_world.send(broken);
  EXPECT_TRUE(eventually([&] { return dropped_for("malformed_ipv4") == 1; }, seconds(5)));
  tidegate({"policy", "apply", agent().file("pass.yaml", policy_of(kGenerous, "malformed: pass\n")).string()});
  at_world.send(broken);
  EXPECT_TRUE(eventually([&] { return row("reasons", "malformed_ipv4").value("would_drop", 0) == 1; }, seconds(5)));
}

class JumboTest : public LinkTest {
  Topology::Options topology_options() const override { return {.mtu = 9000}; }
};

TEST_F(JumboTest, Mtu9000) {
  UdpSink sink(edge(), 9000);
  EchoServer server(edge(), 80);
  ASSERT_TRUE(start(
      policy_of("  - {name: bulk, match: [udp/9000], limits: {bytes: {rate: 100kB/s, burst: 90kB}}}\n" + kGenerous)));
  ASSERT_TRUE(attached());
  tidegate({"block", "203.0.113.5"});
  for (int i = 0; i < 100; ++i) {
    UdpSource(world(), "203.0.113.5", Topology::kEdge4, 9000).send(8900);
    UdpSource(world(), "203.0.113.6", Topology::kEdge4, 9000).send(8900);
  }
  const TcpClient client(world(), "203.0.113.7", Topology::kEdge4, 80, seconds(5));
  ASSERT_TRUE(client.connected());
  EXPECT_TRUE(client.echo(2'000'000, seconds(20)));
  EXPECT_EQ(sink.from("203.0.113.5"), 0u);
  EXPECT_GE(sink.from("203.0.113.6"), 10u);
  EXPECT_LE(sink.from("203.0.113.6"), 25u) << "the whole length is charged, not its first page";
}

}  // namespace
}  // namespace tidegate::harness
