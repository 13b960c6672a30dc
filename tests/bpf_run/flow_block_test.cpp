// SPDX-License-Identifier: Apache-2.0
// One connection is dropped, and nothing else of its client.
#include "tests/bpf_run/fixture.hpp"

namespace tidegate::test {
namespace {

constexpr const char* kClient4 = "198.51.100.7";
constexpr const char* kClient6 = "2001:db8:7::7";
constexpr const char* kServer4 = "192.0.2.1";
constexpr const char* kServer6 = "2001:db8::1";
constexpr std::uint16_t kPort = 40000;

Ipv4 from4(const char* source = kClient4) { return {.source = source, .destination = kServer4}; }
Ipv6 from6(const char* source = kClient6) { return {.source = source, .destination = kServer6}; }
Tcp segment(std::uint16_t port = kPort) { return {.source_port = port, .destination_port = 443, .ack = true}; }

struct Case {
  const char* description;
  Frame frame;
};

class FlowBlock : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override { program_.configure(policy()); }
  static TestPolicy policy() {
    TestPolicy policy = two_services();
    policy.services[0].limits.packets = packet_rate(100000, 100000);
    return policy;
  }
  void block_both(std::uint64_t expires = TG_NEVER) {
    program_.block_flow(kClient4, kPort, kServer4, 443, expires);
    program_.block_flow(kClient6, kPort, kServer6, 443, expires);
  }
  Verdict run(const Frame& frame, std::uint64_t now = kStart) { return program_.run(frame, {.now = now}); }

  Program program_{{.frags = GetParam()}};
};

TEST_P(FlowBlock, DropsEveryPacketOfTheConnection) {
  block_both();
  const std::vector<Case> cases = {
      {"ACK", Ethernet() / from4() / segment()},
      {"SYN", Ethernet() / from4() / Tcp{.source_port = kPort, .destination_port = 443, .syn = true}},
      {"payload", Ethernet() / from4() / segment() / Payload{500}},
      {"802.1Q", Ethernet() / Vlan{} / from4() / segment()},
      {"802.1ad and 802.1Q", Ethernet() / Vlan{.tag = 0x88a8} / Vlan{} / from4() / segment()},
      {"first fragment",
       Ethernet() / Ipv4{.source = kClient4, .destination = kServer4, .more_fragments = true} / segment() / Payload{8}},
      {"IPv6", Ethernet() / from6() / segment()},
      {"IPv6 with extension headers", Ethernet() / from6() / Extension{.type = 0} / Extension{.type = 43} / segment()},
      {"IPv6 first fragment", Ethernet() / from6() / Fragment6{.more = true} / segment() / Payload{8}},
      {"IPv6 in a VLAN", Ethernet() / Vlan{} / from6() / segment()},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.description);
    EXPECT_VERDICT(run(c.frame), true, TG_REASON_BLOCKED_FLOW);
  }
  EXPECT_EQ(program_.counter(TG_SERVICE_NONE, TG_REASON_BLOCKED_FLOW).dropped_packets, cases.size());
}

TEST_P(FlowBlock, TouchesNothingElse) {
  block_both();
  const Ipv4 elsewhere{.source = kClient4, .destination = "192.0.2.2"};
  const Ipv4 rest{.source = kClient4, .destination = kServer4, .fragment_offset = 100, .protocol = 6};
  const std::vector<Case> cases = {
      {"another port of the client", Ethernet() / from4() / segment(40001)},
      {"another client", Ethernet() / from4("198.51.100.8") / segment()},
      {"another port of the server",
       Ethernet() / from4() / Tcp{.source_port = kPort, .destination_port = 8443, .ack = true}},
      {"another server", Ethernet() / elsewhere / segment()},
      {"UDP", Ethernet() / from4() / Udp{.source_port = kPort, .destination_port = 443}},
      {"the other direction", Ethernet() / Ipv4{.source = kServer4, .destination = kClient4} /
                                  Tcp{.source_port = 443, .destination_port = kPort, .ack = true}},
      {"ICMP echo", Ethernet() / from4() / Icmp{}},
      {"a fragment without a port", Ethernet() / rest / Payload{64}},
      {"another client, IPv6", Ethernet() / from6("2001:db8:7::8") / segment()},
      {"IPv6 where IPv4 is blocked", Ethernet() / Ipv6{.source = kClient6, .destination = "2001:db8::2"} / segment()},
  };
  for (const Case& c : cases) EXPECT_FALSE(run(c.frame).dropped) << c.description;
}

TEST_P(FlowBlock, EndsByItself) {
  block_both(kStart + kSecond);
  EXPECT_TRUE(run(Ethernet() / from4() / segment(), kStart + kSecond - 1).dropped);
  EXPECT_FALSE(run(Ethernet() / from4() / segment(), kStart + kSecond).dropped);
  EXPECT_FALSE(run(Ethernet() / from6() / segment(), kStart + kSecond).dropped);
}

TEST_P(FlowBlock, GivesWayToSafelistAndBlocksAndToDryRun) {
  TestPolicy listed = policy();
  listed.sources = {{.prefix = "198.51.100.7/32", .entry = {.kind = TG_SOURCE_SAFELIST}}};
  program_.configure(listed);
  block_both();
  program_.block("2001:db8:7::/48");
  EXPECT_VERDICT(run(Ethernet() / from4() / segment()), false, TG_REASON_SAFELISTED);
  EXPECT_VERDICT(run(Ethernet() / from6() / segment()), true, TG_REASON_BLOCKED_PREFIX);
  listed.sources[0].entry.kind = TG_SOURCE_PROXY;
  program_.configure(listed);
  EXPECT_VERDICT(run(Ethernet() / from4() / segment()), false, TG_REASON_TRUSTED_PROXY);
  TestPolicy dry = policy();
  dry.host.flags &= ~static_cast<unsigned>(TG_HOST_ENFORCE);
  program_.configure(dry);
  EXPECT_VERDICT(run(Ethernet() / from4() / segment()), false, TG_REASON_BLOCKED_FLOW);
  EXPECT_EQ(program_.counter(TG_SERVICE_NONE, TG_REASON_BLOCKED_FLOW).passed_packets, 1U);
}

// As with blocks, a service that only reports does not weaken a decision.
TEST_P(FlowBlock, HoldsAlsoWhereTheServiceOnlyReports) {
  TestPolicy dry = policy();
  dry.services[0].limits.flags = TG_SERVICE_DRY_RUN;
  program_.configure(dry);
  block_both();
  EXPECT_TRUE(run(Ethernet() / from4() / segment()).dropped);
}

TEST_P(FlowBlock, HoldsInAFilterOfAnyWidth) {
  for (std::uint32_t lines = 1; lines <= TG_FLOW_FILTER_LINES; lines *= 2) {
    program_.block_flow(kClient4, kPort, kServer4, 443, TG_NEVER, lines);
    EXPECT_TRUE(run(Ethernet() / from4() / segment()).dropped) << lines;
    EXPECT_FALSE(run(Ethernet() / from4() / segment(40001)).dropped) << lines;
  }
  program_.control().flow_filter_lines = 0;
  EXPECT_FALSE(run(Ethernet() / from4() / segment()).dropped) << "none is blocked";
}

INSTANTIATE_TEST_SUITE_P(Programs, FlowBlock, testing::Values(false, true),
                         [](const auto& param) { return param.param ? "Frags" : "Plain"; });

}  // namespace
}  // namespace tidegate::test
