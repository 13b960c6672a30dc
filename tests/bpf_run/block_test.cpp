// SPDX-License-Identifier: Apache-2.0
// A blocked source stays blocked whatever it wraps its packets in.
#include "tests/bpf_run/fixture.hpp"

namespace tidegate::test {
namespace {

struct Wrapped {
  const char* description;
  Frame frame;
};

constexpr const char* kBad4 = "203.0.113.66";
constexpr const char* kBad6 = "2001:db8:bad::66";

std::vector<Wrapped> disguises() {
  const Ipv4 bad4{.source = kBad4};
  const Ipv6 bad6{.source = kBad6};
  return {
      {"TCP", Ethernet() / bad4 / Tcp{}},
      {"UDP", Ethernet() / bad4 / Udp{}},
      {"ICMP echo", Ethernet() / bad4 / Icmp{}},
      {"ICMP fragmentation needed", Ethernet() / bad4 / Icmp{.type = 3, .code = 4} / Payload{28}},
      {"GRE", Ethernet() / bad4 / Gre{} / Ipv4{} / Tcp{}},
      {"IPv4 in IPv4", Ethernet() / bad4 / Ipv4{} / Tcp{}},
      {"unknown protocol", Ethernet() / Ipv4{.source = kBad4, .protocol = 253} / Payload{8}},
      {"first fragment", Ethernet() / Ipv4{.source = kBad4, .more_fragments = true} / Tcp{} / Payload{8}},
      {"later fragment", Ethernet() / Ipv4{.source = kBad4, .fragment_offset = 100, .protocol = 6} / Payload{64}},
      {"tiny fragment", Ethernet() / Ipv4{.source = kBad4, .more_fragments = true, .protocol = 6} / Payload{8}},
      {"malformed TCP", Ethernet() / bad4 / Tcp{.header_words = 2}},
      {"IP options", Ethernet() / Ipv4{.source = kBad4, .options = 40} / Tcp{}},
      {"802.1Q", Ethernet() / Vlan{} / bad4 / Tcp{}},
      {"802.1ad", Ethernet() / Vlan{.tag = 0x88a8} / bad4 / Tcp{}},
      {"802.1ad and 802.1Q", Ethernet() / Vlan{.tag = 0x88a8} / Vlan{} / bad4 / Tcp{}},
      {"802.1Q twice", Ethernet() / Vlan{} / Vlan{} / bad4 / Tcp{}},
      {"priority tag", Ethernet() / Vlan{.id = 0} / bad4 / Udp{}},
      {"IPv6 TCP", Ethernet() / bad6 / Tcp{}},
      {"ICMPv6 echo", Ethernet() / bad6 / Icmp{.type = 128}},
      {"ICMPv6 Packet Too Big", Ethernet() / bad6 / Icmp{.type = 2} / Payload{48}},
      {"forged neighbour discovery",
       Ethernet() / Ipv6{.source = kBad6, .hop_limit = 64} / Icmp{.type = 135} / Payload{16}},
      {"hop-by-hop", Ethernet() / bad6 / Extension{.type = 0} / Tcp{}},
      {"routing", Ethernet() / bad6 / Extension{.type = 43, .units = 2} / Tcp{}},
      {"destination options", Ethernet() / bad6 / Extension{.type = 60, .units = 1} / Udp{}},
      {"authentication header", Ethernet() / bad6 / Authentication{} / Tcp{}},
      {"six extension headers", Ethernet() / bad6 / Extension{.type = 0} / Extension{} / Extension{.type = 43} /
                                    Extension{} / Extension{} / Extension{} / Tcp{}},
      {"seven extension headers", Ethernet() / bad6 / Extension{} / Extension{} / Extension{} / Extension{} /
                                      Extension{} / Extension{} / Extension{} / Tcp{}},
      {"fragment header", Ethernet() / bad6 / Fragment6{.more = true} / Tcp{} / Payload{8}},
      {"later IPv6 fragment", Ethernet() / bad6 / Fragment6{.offset = 10, .next = 6} / Payload{64}},
      {"atomic fragment", Ethernet() / bad6 / Fragment6{} / Tcp{}},
      {"no next header", Ethernet() / Ipv6{.source = kBad6, .next = 59}},
      {"ESP", Ethernet() / Ipv6{.source = kBad6, .next = 50} / Payload{32}},
      {"IPv6 in a VLAN", Ethernet() / Vlan{} / bad6 / Tcp{}},
      {"IPv6 in two VLANs", Ethernet() / Vlan{.tag = 0x88a8} / Vlan{} / bad6 / Extension{} / Udp{}},
  };
}

class Blocked : public testing::TestWithParam<bool> {};

TEST_P(Blocked, NoDisguiseHelps) {
  Program program({.frags = GetParam()});
  TestPolicy policy = two_services();
  policy.host.flags &= ~static_cast<unsigned>(TG_HOST_DROP_MALFORMED);  // blocks do not depend on it
  program.configure(policy);
  for (const Wrapped& w : disguises()) EXPECT_FALSE(program.run(w.frame).dropped) << "before: " << w.description;
  program.block(kBad4);
  program.block("2001:db8:bad::/64");
  for (const Wrapped& w : disguises()) {
    const Verdict verdict = program.run(w.frame);
    EXPECT_TRUE(verdict.dropped) << w.description << ": " << to_string(verdict);
    EXPECT_TRUE(verdict.reason == TG_REASON_BLOCKED_ADDRESS || verdict.reason == TG_REASON_BLOCKED_PREFIX)
        << w.description << ": " << to_string(verdict);
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, Blocked, testing::Values(false, true),
                         [](const auto& param) { return param.param ? "Frags" : "Plain"; });

TEST(Block, EndsByItselfWhenItsTimeIsOver) {
  Program program;
  program.configure(two_services());
  program.block("203.0.113.1", kStart + kSecond);
  EXPECT_VERDICT(program.run(web_packet("203.0.113.1"), {.now = kStart + kSecond - 1}), true,
                 TG_REASON_BLOCKED_ADDRESS);
  EXPECT_VERDICT(program.run(web_packet("203.0.113.1"), {.now = kStart + kSecond}), false, TG_REASON_PASSED);
}

TEST(Block, AnExpiredAddressDoesNotHideAPrefixInForce) {
  Program program;
  program.configure(two_services());
  program.block("203.0.113.1", kStart - 1);
  program.block("203.0.113.0/24", kStart + kSecond);
  EXPECT_VERDICT(program.run(web_packet("203.0.113.1"), {.now = kStart}), true, TG_REASON_BLOCKED_PREFIX);
  EXPECT_VERDICT(program.run(web_packet("203.0.113.1"), {.now = kStart + kSecond}), false, TG_REASON_PASSED);
}

TEST(Block, EveryPrefixLengthIsFound) {
  Program program;
  program.configure(two_services());
  for (unsigned length = 8; length <= 31; ++length) {
    Program each;
    each.configure(two_services());
    const auto address = *Address::parse("203.0.113.129");
    each.block(Prefix::around(address, 96 + length).to_string());
    EXPECT_TRUE(each.run(web_packet("203.0.113.129")).dropped) << length;
    EXPECT_FALSE(each.run(web_packet("9.9.9.9")).dropped) << length;
    length += 6;
  }
}

TEST(Block, DefaultRouteAsAPrefixBlocksEverything) {
  Program program;
  program.configure(two_services());
  program.block("0.0.0.0/0");
  EXPECT_VERDICT(program.run(web_packet()), true, TG_REASON_BLOCKED_PREFIX);
  EXPECT_FALSE(program.run(Ethernet() / Ipv6{} / Tcp{}).dropped);
  program.block("::/0");
  EXPECT_VERDICT(program.run(Ethernet() / Ipv6{} / Tcp{}), true, TG_REASON_BLOCKED_PREFIX);
}

TEST(Block, TheStashIsSearched) {
  Program program;
  program.configure(two_services());
  program.block_in_stash("203.0.113.1");
  program.block_in_stash("203.0.113.2", kStart);
  EXPECT_VERDICT(program.run(web_packet("203.0.113.1")), true, TG_REASON_BLOCKED_ADDRESS);
  EXPECT_VERDICT(program.run(web_packet("203.0.113.2"), {.now = kStart + 1}), false, TG_REASON_PASSED);
}

TEST(Block, ThousandsAreAllFoundAndNobodyElseIs) {
  Program program({.block_buckets = 4096});
  program.configure(two_services());
  for (unsigned i = 0; i < 5000; ++i)
    program.block("198.18." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1));
  for (unsigned i = 0; i < 5000; i += 97) {
    const std::string host = std::to_string(i / 250) + "." + std::to_string(i % 250 + 1);
    EXPECT_TRUE(program.run(web_packet("198.18." + host)).dropped) << host;
    EXPECT_FALSE(program.run(web_packet("198.19." + host)).dropped) << host;
  }
}

TEST(Block, WinsOverReplies) {
  Program program;
  TestPolicy policy = two_services();
  program.configure(policy);
  program.send(Ethernet() / Ipv4{.source = "198.51.100.1", .destination = "203.0.113.53"} /
               Udp{.source_port = 40000, .destination_port = 53});
  program.block("203.0.113.53");
  EXPECT_VERDICT(
      program.run(Ethernet() / Ipv4{.source = "203.0.113.53"} / Udp{.source_port = 53, .destination_port = 40000}),
      true, TG_REASON_BLOCKED_ADDRESS);
}

}  // namespace
}  // namespace tidegate::test
