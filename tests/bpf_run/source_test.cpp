// SPDX-License-Identifier: Apache-2.0
// Safelist and trusted proxies: first, under a ceiling, and only on the interface that an entry names.
#include <net/if.h>

#include "tests/bpf_run/fixture.hpp"

namespace tidegate::test {
namespace {

TestSource safe(const std::string& prefix, tg_rate ceiling, unsigned ifindex = 0, unsigned next = 0) {
  return {
      prefix,
      {.ceiling = ceiling, .ifindex = ifindex, .next = static_cast<std::uint16_t>(next), .kind = TG_SOURCE_SAFELIST}};
}

TEST(Safelist, WinsOverBlocksAndLimits) {
  Program program;
  TestPolicy policy = two_services();
  policy.sources = {safe("192.0.2.10", packet_rate(1e6, 1e6)), safe("2001:db8:a::/48", packet_rate(1e6, 1e6))};
  program.configure(policy);
  program.block("192.0.2.10");
  program.block("2001:db8:a::/48");
  EXPECT_EQ(passes(program, web_packet("192.0.2.10"), 100), 100U);
  EXPECT_VERDICT(program.run(Ethernet() / Ipv6{.source = "2001:db8:a:1::5"} / Tcp{}), false, TG_REASON_SAFELISTED);
  EXPECT_VERDICT(program.run(web_packet("192.0.2.11")), false, TG_REASON_PASSED);
}

TEST(Safelist, AForgedSourceMeetsItsCeiling) {
  Program program;
  TestPolicy policy = two_services();
  policy.sources = {safe("192.0.2.0/28", packet_rate(100, 20))};
  program.configure(policy);
  unsigned passed = 0;
  for (unsigned i = 0; i < 100; ++i)
    passed += program.run(web_packet("192.0.2." + std::to_string(i % 16)), {.now = kStart}).dropped ? 0U : 1U;
  EXPECT_EQ(passed, 20U);  // of the whole entry
  EXPECT_VERDICT(program.run(web_packet("192.0.2.3"), {.now = kStart}), true, TG_REASON_SAFELIST_CEILING);
  EXPECT_VERDICT(program.run(web_packet("192.0.2.3"), {.now = kStart + kSecond}), false, TG_REASON_SAFELISTED);
  EXPECT_EQ(program.counter(TG_SERVICE_SAFELIST, TG_REASON_SAFELIST_CEILING).dropped_packets, 81U);
}

TEST(Safelist, ProxiesHaveReasonsOfTheirOwn) {
  Program program;
  TestPolicy policy = two_services();
  policy.sources = {{"198.51.100.0/24", {.ceiling = packet_rate(10, 1), .kind = TG_SOURCE_PROXY}}};
  program.configure(policy);
  EXPECT_VERDICT(program.run(web_packet("198.51.100.7")), false, TG_REASON_TRUSTED_PROXY);
  EXPECT_VERDICT(program.run(web_packet("198.51.100.8")), true, TG_REASON_PROXY_CEILING);
}

TEST(Safelist, AnEntryBoundToAnInterfaceFallsBackToTheOneAroundIt) {
  const unsigned lo = if_nametoindex("lo");
  ASSERT_NE(lo, 0U);
  Program program;
  TestPolicy policy = two_services();
  // .5 only from an interface that does not exist, then what entry 3 says; .6 likewise without a way out; .7 on lo
  policy.sources = {safe("192.0.2.5", packet_rate(1e6, 1e6), 4242, 3), safe("192.0.2.6", packet_rate(1e6, 1e6), 4242),
                    safe("203.0.113.5", packet_rate(1e6, 1e6)), safe("192.0.2.7", packet_rate(1e6, 1e6), lo)};
  program.configure(policy);
  EXPECT_VERDICT(program.run(web_packet("192.0.2.5")), false, TG_REASON_SAFELISTED);
  EXPECT_VERDICT(program.run(web_packet("192.0.2.6")), false, TG_REASON_PASSED);
  EXPECT_VERDICT(program.run(web_packet("192.0.2.7"), {.ifindex = lo}), false, TG_REASON_SAFELISTED);
}

TEST(Safelist, AChainOfEntriesThatNameEachOtherEnds) {
  Program program;
  TestPolicy policy = two_services();
  policy.sources = {safe("192.0.2.5", packet_rate(1e6, 1e6), 4242, 1)};
  program.configure(policy);
  EXPECT_VERDICT(program.run(web_packet("192.0.2.5")), false, TG_REASON_PASSED);
}

TEST(Safelist, ManyEntriesAreAllFound) {
  Program program;
  TestPolicy policy = two_services();
  for (unsigned i = 0; i < 1000; ++i)
    policy.sources.push_back(
        safe("10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".128/25", packet_rate(1e6, 1e6)));
  program.configure(policy);
  for (unsigned i = 0; i < 1000; i += 13) {
    const std::string net = "10." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    EXPECT_EQ(program.run(web_packet(net + ".128")).reason, TG_REASON_SAFELISTED) << net;
    EXPECT_EQ(program.run(web_packet(net + ".255")).reason, TG_REASON_SAFELISTED) << net;
    EXPECT_EQ(program.run(web_packet(net + ".127")).reason, TG_REASON_PASSED) << net;
  }
}

}  // namespace
}  // namespace tidegate::test
