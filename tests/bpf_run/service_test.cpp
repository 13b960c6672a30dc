// SPDX-License-Identifier: Apache-2.0
// Which service a packet belongs to; generations; dry-run; policies for malformed packets and fragments.
#include "tests/bpf_run/fixture.hpp"

namespace tidegate::test {
namespace {

unsigned service_of(Program& program, const Frame& frame) { return program.run(frame, {.now = kStart}).service; }

TEST(Service, IsMatchedByProtocolAndPort) {
  Program program;
  TestPolicy policy;
  const tg_service generous{.packets = packet_rate(1e6, 1e6)};
  policy.services = {
      {.slot = 1, .limits = generous, .points = {tcp_port(443), {TG_POINT(6, 1, 8000), TG_POINT(6, 1, 8099)}}},
      {.slot = 2, .limits = generous, .points = {udp_port(443)}},
      {.slot = 3, .limits = generous, .points = {whole_protocol(47)}},
      {.slot = 4, .limits = generous, .points = {whole_protocol(1), whole_protocol(58)}},
      {.slot = 5, .limits = generous}};
  program.configure(policy);
  const Ipv4 ip{};
  EXPECT_EQ(service_of(program, Ethernet() / ip / Tcp{.destination_port = 443}), 1U);
  EXPECT_EQ(service_of(program, Ethernet() / ip / Tcp{.destination_port = 8000}), 1U);
  EXPECT_EQ(service_of(program, Ethernet() / ip / Tcp{.destination_port = 8099}), 1U);
  EXPECT_EQ(service_of(program, Ethernet() / ip / Tcp{.destination_port = 8100}), TG_SERVICE_NONE);
  EXPECT_EQ(service_of(program, Ethernet() / ip / Tcp{.destination_port = 7999}), TG_SERVICE_NONE);
  EXPECT_EQ(service_of(program, Ethernet() / ip / Udp{.destination_port = 443}), 2U);
  EXPECT_EQ(service_of(program, Ethernet() / ip / Gre{}), 3U);
  EXPECT_EQ(service_of(program, Ethernet() / ip / Icmp{}), 4U);
  EXPECT_EQ(service_of(program, Ethernet() / Ipv6{} / Icmp{.type = 128}), 4U);
  policy.host.default_service = 5;
  program.configure(policy);
  EXPECT_EQ(service_of(program, Ethernet() / ip / Tcp{.destination_port = 1}), 5U);
  EXPECT_EQ(service_of(program, Ethernet() / Ipv4{.fragment_offset = 9, .protocol = 6} / Payload{64}), 5U)
      << "no port is read from the payload of a fragment";
  EXPECT_EQ(
      service_of(program, Ethernet() / Ipv6{} / Fragment6{.offset = 9, .next = 17} / Udp{.destination_port = 443}), 5U);
}

TEST(Service, MayNameDestinations) {
  Program program;
  TestPolicy policy;
  const tg_service generous{.packets = packet_rate(1e6, 1e6)};
  policy.services = {{.slot = 1, .limits = generous, .points = {tcp_port(443)}},
                     {.slot = 2, .limits = generous, .points = {tcp_port(443)}, .destination_class = 1},
                     {.slot = 3, .limits = generous, .points = {tcp_port(443)}, .destination_class = 2}};
  policy.destinations = {{"198.51.100.7", 1}, {"2001:db8:7::/48", 2}};
  program.configure(policy);
  EXPECT_EQ(service_of(program, Ethernet() / Ipv4{.destination = "198.51.100.7"} / Tcp{}), 2U);
  EXPECT_EQ(service_of(program, Ethernet() / Ipv4{.destination = "198.51.100.8"} / Tcp{}), 1U);
  EXPECT_EQ(service_of(program, Ethernet() / Ipv6{.destination = "2001:db8:7:1::1"} / Tcp{}), 3U);
  EXPECT_EQ(service_of(program, Ethernet() / Ipv6{.destination = "2001:db8:8::1"} / Tcp{}), 1U);
}

TEST(Service, ThousandsOfRangesAreSearched) {
  Program program;
  TestPolicy policy;
  const tg_service generous{.packets = packet_rate(1e6, 1e6)};
  for (unsigned i = 0; i < 200; ++i) {
    TestService service{.slot = i, .limits = generous};
    for (unsigned j = 0; j < 10; ++j) service.points.push_back(tcp_port(1000 + (j * 200 + i) * 2));
    policy.services.push_back(service);
  }
  program.configure(policy);
  for (unsigned i = 0; i < 2000; i += 7) {
    EXPECT_EQ(
        service_of(program, Ethernet() / Ipv4{} / Tcp{.destination_port = static_cast<std::uint16_t>(1000 + i * 2)}),
        i % 200);
    EXPECT_EQ(
        service_of(program, Ethernet() / Ipv4{} / Tcp{.destination_port = static_cast<std::uint16_t>(1001 + i * 2)}),
        TG_SERVICE_NONE);
  }
}

TEST(Generation, FlipsAsAWhole) {
  Program program;
  TestPolicy first = two_services(), second = two_services();
  second.services[0].slot = 7;
  second.host.generation = 2;
  second.sources = {{"192.0.2.10", {.ceiling = packet_rate(1e6, 1e6), .kind = TG_SOURCE_SAFELIST}}};
  program.configure(first, 0);
  program.configure(second, 1);
  EXPECT_EQ(service_of(program, web_packet("192.0.2.9")), kWeb);
  EXPECT_EQ(service_of(program, web_packet("192.0.2.10")), kWeb);
  program.activate(1);
  EXPECT_EQ(service_of(program, web_packet("192.0.2.9")), 7U);
  EXPECT_EQ(service_of(program, web_packet("192.0.2.10")), TG_SERVICE_SAFELIST);
  program.activate(0);
  EXPECT_EQ(service_of(program, web_packet("192.0.2.10")), kWeb);
}

TEST(Generation, KeepsTheDebtOfASource) {
  Program program;
  program.configure(two_services(), 0);
  program.configure(two_services(), 1);
  EXPECT_EQ(passes(program, web_packet(), 20), 10U);
  program.activate(1);
  EXPECT_EQ(passes(program, web_packet(), 20), 0U);
}

TEST(DryRun, OfAServicePassesAndCountsWhatWouldBeDropped) {
  Program program;
  TestPolicy policy = two_services();
  policy.services[0].limits.flags = TG_SERVICE_DRY_RUN;
  program.configure(policy);
  EXPECT_EQ(passes(program, web_packet(), 20), 20U);
  const Verdict verdict = program.run(web_packet(), {.now = kStart});
  EXPECT_VERDICT(verdict, false, TG_REASON_PACKET_LIMIT);
  EXPECT_TRUE(verdict.flags & TG_EVENT_DRY_RUN);
  EXPECT_EQ(program.counter(kWeb, TG_REASON_PACKET_LIMIT).passed_packets, 11U);
  EXPECT_EQ(program.counter(kWeb, TG_REASON_PACKET_LIMIT).dropped_packets, 0U);
  EXPECT_EQ(passes(program, Ethernet() / Ipv4{} / Udp{}, 20), 10U) << "the other service is enforced";
  program.block("192.0.2.1");
  EXPECT_TRUE(program.run(web_packet()).dropped) << "a block is not the service's";
}

TEST(DryRun, OfTheHostDropsNothingAtAll) {
  Program program;
  TestPolicy policy = two_services();
  policy.host.flags &= ~static_cast<unsigned>(TG_HOST_ENFORCE);
  policy.sources = {{"192.0.2.10", {.ceiling = packet_rate(1, 1), .kind = TG_SOURCE_SAFELIST}}};
  program.configure(policy);
  program.block("203.0.113.1");
  program.limit("203.0.113.2", {.expires = TG_NEVER, .packets_cost = kSecond, .packets_burst = kSecond});
  EXPECT_VERDICT(program.run(web_packet("203.0.113.1")), false, TG_REASON_BLOCKED_ADDRESS);
  EXPECT_EQ(passes(program, web_packet(), 20), 20U);
  EXPECT_EQ(passes(program, web_packet("203.0.113.2"), 5), 5U);
  EXPECT_EQ(passes(program, web_packet("192.0.2.10"), 5), 5U);
  EXPECT_VERDICT(program.run(Ethernet() / Ipv4{.version = 5} / Tcp{}), false, TG_REASON_MALFORMED_IPV4);
}

TEST(Malformed, TolerantPoliciesCountAndStillLimit) {
  Program program;
  TestPolicy policy = two_services();
  policy.host.flags &= ~static_cast<unsigned>(TG_HOST_DROP_MALFORMED);
  policy.services.push_back({.slot = 9, .limits = {.packets = packet_rate(10, 3)}});
  policy.host.default_service = 9;
  program.configure(policy);
  const Frame bad = Ethernet() / Ipv4{} / Tcp{.header_words = 2};
  const Verdict verdict = program.run(bad, {.now = kStart});
  EXPECT_VERDICT(verdict, false, TG_REASON_MALFORMED_TCP);
  EXPECT_EQ(verdict.service, 9U);
  EXPECT_EQ(passes(program, bad, 10), 2U) << "the default service's bucket holds";
  EXPECT_VERDICT(program.run(Ethernet() / Ipv4{.version = 5} / Tcp{}), false, TG_REASON_MALFORMED_IPV4);
}

TEST(Fragments, MayBeRefused) {
  Program program;
  TestPolicy policy = two_services();
  policy.host.flags |= TG_HOST_DROP_NON_FIRST;
  program.configure(policy);
  EXPECT_VERDICT(program.run(Ethernet() / Ipv4{.fragment_offset = 9, .protocol = 6} / Payload{64}), true,
                 TG_REASON_FRAGMENT);
  EXPECT_VERDICT(program.run(Ethernet() / Ipv6{} / Fragment6{.offset = 1, .next = 6} / Payload{64}), true,
                 TG_REASON_FRAGMENT);
  EXPECT_VERDICT(program.run(Ethernet() / Ipv4{.more_fragments = true} / Tcp{} / Payload{4}), false, TG_REASON_PASSED);
  EXPECT_VERDICT(program.run(Ethernet() / Ipv6{} / Fragment6{} / Tcp{}), false, TG_REASON_PASSED);
}

TEST(Neighbour, DiscoveryHasABucketPerCpu) {
  Program program;
  TestPolicy policy = two_services();
  policy.host.neighbour = packet_rate(10, 4);
  program.configure(policy);
  program.block("2001:db8::/32");
  const Frame solicitation = Ethernet() / Ipv6{.hop_limit = 255} / Icmp{.type = 135} / Payload{16};
  const OnCpu0 pinned;
  EXPECT_EQ(passes(program, solicitation, 3) + passes(program, Ethernet() / Arp{}, 10), 4U)
      << "also of a blocked source";
  EXPECT_VERDICT(program.run(solicitation, {.now = kStart}), true, TG_REASON_NEIGHBOUR_LIMIT);
  EXPECT_VERDICT(program.run(Ethernet() / Ipv6{.hop_limit = 255} / Fragment6{} / Icmp{.type = 135} / Payload{16}), true,
                 TG_REASON_BLOCKED_PREFIX);
}

TEST(IcmpError, HasABucketPerCpuAndIsExemptFromServices) {
  Program program;
  TestPolicy policy = two_services();
  policy.host.icmp_error = packet_rate(10, 4);
  policy.services.push_back({.slot = 9, .limits = {.packets = packet_rate(1, 1)}, .points = {whole_protocol(1)}});
  program.configure(policy);
  const OnCpu0 pinned;
  const Frame error = Ethernet() / Ipv4{} / Icmp{.type = 3, .code = 4} / Payload{28};
  EXPECT_EQ(passes(program, error, 10), 4U);
  EXPECT_VERDICT(program.run(error, {.now = kStart}), true, TG_REASON_ICMP_ERROR_LIMIT);
}

}  // namespace
}  // namespace tidegate::test
