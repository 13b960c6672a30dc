// SPDX-License-Identifier: Apache-2.0
// One table of packets: what each gets, and for which reason. A new reason needs a line here (the last test says so).
#include <gtest/gtest.h>

#include <set>

#include "tests/harness/bpf_fixture.hpp"

namespace tidegate::test {
namespace {

struct Case {
  std::string description;
  Bytes frame;
  bool dropped;
  unsigned reason;
  unsigned service = TG_SERVICE_NONE;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"TCP to a service", (Ethernet() / Ipv4{} / Tcp{.syn = true}).bytes(), false, TG_REASON_PASSED, 1},
      {"TCP without a service", (Ethernet() / Ipv4{} / Tcp{.destination_port = 81}).bytes(), false,
       TG_REASON_NO_SERVICE},
      {"LLDP", (Ethernet{.type = 0x88cc} / Payload{50}).bytes(), false, TG_REASON_NOT_IP},
      {"an 802.3 frame", (Ethernet{.type = 60} / Payload{60}).bytes(), false, TG_REASON_NOT_IP},
      {"ARP", (Ethernet() / Arp{}).bytes(), false, TG_REASON_NEIGHBOUR},
      {"neighbour solicitation", (Ethernet() / Ipv6{.hop_limit = 255} / Icmp{.type = 135} / Payload{16}).bytes(), false,
       TG_REASON_NEIGHBOUR},
      {"forged neighbour solicitation", (Ethernet() / Ipv6{.hop_limit = 64} / Icmp{.type = 135} / Payload{16}).bytes(),
       false, TG_REASON_NO_SERVICE},
      {"safelisted", (Ethernet() / Ipv4{.source = "192.0.2.10"} / Tcp{}).bytes(), false, TG_REASON_SAFELISTED,
       TG_SERVICE_SAFELIST},
      {"safelisted IPv6", (Ethernet() / Ipv6{.source = "2001:db8:a::7"} / Tcp{}).bytes(), false, TG_REASON_SAFELISTED,
       TG_SERVICE_SAFELIST},
      {"trusted proxy", (Ethernet() / Ipv4{.source = "198.51.100.9"} / Tcp{}).bytes(), false, TG_REASON_TRUSTED_PROXY,
       TG_SERVICE_PROXY},
      {"blocked address", (Ethernet() / Ipv4{.source = "203.0.113.1"} / Tcp{}).bytes(), true,
       TG_REASON_BLOCKED_ADDRESS},
      {"blocked prefix", (Ethernet() / Ipv4{.source = "203.0.113.99"} / Tcp{}).bytes(), true, TG_REASON_BLOCKED_PREFIX},
      {"blocked IPv6 address", (Ethernet() / Ipv6{.source = "2001:db8:bad::1"} / Tcp{}).bytes(), true,
       TG_REASON_BLOCKED_ADDRESS},
      {"blocked IPv6 prefix", (Ethernet() / Ipv6{.source = "2001:db8:bad:1::1"} / Tcp{}).bytes(), true,
       TG_REASON_BLOCKED_PREFIX},
      {"fragmentation needed", (Ethernet() / Ipv4{} / Icmp{.type = 3, .code = 4} / Payload{28}).bytes(), false,
       TG_REASON_ICMP_ERROR},
      {"time exceeded", (Ethernet() / Ipv4{} / Icmp{.type = 11} / Payload{28}).bytes(), false, TG_REASON_ICMP_ERROR},
      {"port unreachable is no such error", (Ethernet() / Ipv4{} / Icmp{.type = 3, .code = 3} / Payload{28}).bytes(),
       false, TG_REASON_NO_SERVICE},
      {"Packet Too Big", (Ethernet() / Ipv6{} / Icmp{.type = 2} / Payload{48}).bytes(), false, TG_REASON_ICMP_ERROR},
      {"ICMPv6 inside IPv4 is just a protocol", (Ethernet() / Ipv4{.protocol = 58} / Icmp{.type = 2}).bytes(), false,
       TG_REASON_NO_SERVICE},
      {"frame of 10 bytes: test-run wants 14, so a tag is cut", (Ethernet() / Vlan{}).cut(16), true,
       TG_REASON_MALFORMED_ETHERNET},
      {"second tag is cut", (Ethernet() / Vlan{} / Vlan{}).cut(20), true, TG_REASON_MALFORMED_ETHERNET},
      {"three tags", (Ethernet() / Vlan{.tag = 0x88a8} / Vlan{} / Vlan{} / Ipv4{} / Tcp{}).bytes(), true,
       TG_REASON_MALFORMED_VLAN},
      {"IPv4 header is cut", (Ethernet() / Ipv4{} / Tcp{}).cut(33), true, TG_REASON_MALFORMED_IPV4},
      {"IPv4 header of 16 bytes", (Ethernet() / Ipv4{.header_words = 4} / Tcp{}).bytes(), true,
       TG_REASON_MALFORMED_IPV4},
      {"IPv4 options beyond the frame", (Ethernet() / Ipv4{.header_words = 15} / Payload{4}).bytes(), true,
       TG_REASON_MALFORMED_IPV4},
      {"IPv4 of version 5", (Ethernet() / Ipv4{.version = 5} / Tcp{}).bytes(), true, TG_REASON_MALFORMED_IPV4},
      {"IPv4 longer than the frame", (Ethernet() / Ipv4{.total_length = 1000} / Tcp{}).bytes(), true,
       TG_REASON_MALFORMED_IPV4},
      {"IPv4 shorter than its header", (Ethernet() / Ipv4{.total_length = 19} / Tcp{}).bytes(), true,
       TG_REASON_MALFORMED_IPV4},
      {"ping of death", (Ethernet() / Ipv4{.fragment_offset = 8189, .protocol = 1} / Payload{100}).bytes(), true,
       TG_REASON_MALFORMED_IPV4},
      {"IPv6 header is cut", (Ethernet() / Ipv6{} / Tcp{}).cut(53), true, TG_REASON_MALFORMED_IPV6},
      {"IPv6 of version 4", (Ethernet() / Ipv6{.version = 4} / Tcp{}).bytes(), true, TG_REASON_MALFORMED_IPV6},
      {"IPv6 longer than the frame", (Ethernet() / Ipv6{.payload_length = 1000} / Tcp{}).bytes(), true,
       TG_REASON_MALFORMED_IPV6},
      {"IPv6 from a v4-mapped source", (Ethernet() / Ipv6{.source = "::ffff:192.0.2.10"} / Tcp{}).bytes(), true,
       TG_REASON_MALFORMED_IPV6},
      {"seven extension headers",
       (Ethernet() / Ipv6{} / Extension{} / Extension{} / Extension{} / Extension{} / Extension{} / Extension{} /
        Extension{} / Tcp{})
           .bytes(),
       true, TG_REASON_MALFORMED_EXTENSION},
      {"six extension headers",
       (Ethernet() / Ipv6{} / Extension{} / Extension{} / Extension{} / Extension{} / Extension{} / Extension{} / Tcp{})
           .bytes(),
       false, TG_REASON_PASSED, 1},
      {"extension header beyond the payload",
       (Ethernet() / Ipv6{.next = 60, .payload_length = 8} / Extension{.units = 9}).bytes(), true,
       TG_REASON_MALFORMED_EXTENSION},
      {"extension header is cut", (Ethernet() / Ipv6{.next = 0, .payload_length = 4} / Payload{4}).bytes(), true,
       TG_REASON_MALFORMED_EXTENSION},
      {"TCP header is cut", (Ethernet() / Ipv4{.protocol = 6} / Payload{19}).bytes(), true, TG_REASON_MALFORMED_TCP},
      {"TCP header of 16 bytes", (Ethernet() / Ipv4{} / Tcp{.header_words = 4}).bytes(), true, TG_REASON_MALFORMED_TCP},
      {"TCP options beyond the packet", (Ethernet() / Ipv4{.total_length = 40} / Tcp{.header_words = 6}).bytes(), true,
       TG_REASON_MALFORMED_TCP},
      {"tiny first fragment", (Ethernet() / Ipv4{.more_fragments = true, .protocol = 6} / Payload{8}).bytes(), true,
       TG_REASON_MALFORMED_TCP},
      {"UDP header is cut", (Ethernet() / Ipv4{.protocol = 17} / Payload{7}).bytes(), true, TG_REASON_MALFORMED_UDP},
      {"UDP of length 7", (Ethernet() / Ipv4{} / Udp{.length = 7}).bytes(), true, TG_REASON_MALFORMED_UDP},
      {"UDP longer than the packet", (Ethernet() / Ipv4{} / Udp{.length = 9}).bytes(), true, TG_REASON_MALFORMED_UDP},
      {"UDP first fragment of a longer datagram",
       (Ethernet() / Ipv4{.more_fragments = true} / Udp{.destination_port = 9, .length = 4000} / Payload{64}).bytes(),
       false, TG_REASON_NO_SERVICE},
      {"ICMP header is cut", (Ethernet() / Ipv4{.protocol = 1} / Payload{7}).bytes(), true, TG_REASON_MALFORMED_ICMP},
      {"ICMPv6 header is cut", (Ethernet() / Ipv6{.next = 58} / Payload{7}).bytes(), true, TG_REASON_MALFORMED_ICMP},
  };
  return all;
}

TestPolicy policy() {
  TestPolicy p;
  p.services = {{.slot = 1, .limits = {.packets = packet_rate(1000, 1000)}, .points = {tcp_port(443)}}};
  const tg_rate ceiling = packet_rate(1e6, 1e6);
  p.sources = {{"192.0.2.10", {.ceiling = ceiling, .kind = TG_SOURCE_SAFELIST}},
               {"2001:db8:a::/48", {.ceiling = ceiling, .kind = TG_SOURCE_SAFELIST}},
               {"198.51.100.9", {.ceiling = ceiling, .kind = TG_SOURCE_PROXY}}};
  return p;
}

void block_documentation(Program& program) {
  program.block("203.0.113.1");
  program.block("203.0.113.64/26");
  program.block("2001:db8:bad::1");
  program.block("2001:db8:bad:1::/64");
}

class VerdictTable : public testing::TestWithParam<bool> {};

TEST_P(VerdictTable, EveryPacketGetsItsReason) {
  Program program({.frags = GetParam()});
  program.configure(policy());
  block_documentation(program);
  for (const Case& c : cases()) {
    const Verdict verdict = program.run(c.frame);
    EXPECT_EQ(verdict.dropped, c.dropped) << c.description << ": " << to_string(verdict);
    EXPECT_EQ(verdict.reason, c.reason) << c.description << ": " << to_string(verdict);
    EXPECT_EQ(verdict.service, c.service) << c.description << ": " << to_string(verdict);
  }
  EXPECT_EQ(program.fault(TG_FAULT_MAP_MISSING), 0U);
}

INSTANTIATE_TEST_SUITE_P(Programs, VerdictTable, testing::Values(false, true),
                         [](const auto& param) { return param.param ? "Frags" : "Plain"; });

}  // namespace
}  // namespace tidegate::test
