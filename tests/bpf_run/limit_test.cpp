// SPDX-License-Identifier: Apache-2.0
// Limit decisions: a tighter bucket for a source or a prefix, in front of the service's.
#include "tests/bpf_run/fixture.hpp"

namespace tidegate::test {
namespace {

tg_limit packets(double per_second, double burst, std::uint64_t expires = TG_NEVER) {
  const tg_rate rate = packet_rate(per_second, burst);
  return {.expires = expires, .packets_cost = rate.cost, .packets_burst = rate.burst};
}

TEST(Limit, TightensOneSource) {
  Program program;
  program.configure(two_services());
  program.limit("192.0.2.1", packets(2, 2));
  EXPECT_EQ(passes(program, web_packet(), 20), 2U);
  EXPECT_VERDICT(program.run(web_packet(), {.now = kStart}), true, TG_REASON_SOURCE_LIMIT);
  EXPECT_EQ(passes(program, web_packet("192.0.2.2"), 20), 10U);
  EXPECT_EQ(program.counter(TG_SERVICE_LIMITED, TG_REASON_SOURCE_LIMIT).dropped_packets, 19U);
}

TEST(Limit, HoldsOverAllServicesAndOutsideOfThem) {
  Program program;
  program.configure(two_services());
  program.limit("192.0.2.1", packets(2, 2));
  EXPECT_EQ(passes(program, web_packet(), 1), 1U);
  EXPECT_EQ(passes(program, Ethernet() / Ipv4{} / Udp{}, 1), 1U);
  EXPECT_EQ(passes(program, Ethernet() / Ipv4{} / Tcp{.destination_port = 9}, 5), 0U);
}

TEST(Limit, EndsByItself) {
  Program program;
  program.configure(two_services());
  program.limit("192.0.2.1", packets(1, 1, kStart + kSecond));
  EXPECT_EQ(passes(program, web_packet(), 5), 1U);
  EXPECT_EQ(passes(program, web_packet(), 5, kStart + kSecond), 5U);
}

TEST(Limit, TheMostSpecificInForceCounts) {
  Program program;
  program.configure(two_services());
  program.limit("192.0.2.0/24", packets(1, 1));
  program.limit("192.0.2.1", packets(5, 5, kStart + kSecond));
  EXPECT_EQ(passes(program, web_packet("192.0.2.1"), 20), 5U);
  EXPECT_EQ(passes(program, web_packet("192.0.2.2"), 20), 1U);
  EXPECT_EQ(passes(program, web_packet("192.0.2.3"), 20), 1U) << "every source of a limited prefix has that limit";
  EXPECT_EQ(passes(program, web_packet("192.0.2.1"), 20, kStart + 20 * kSecond), 1U) << "expired: the prefix counts";
}

TEST(Limit, CountsBytesAndIpv6) {
  Program program;
  program.configure(two_services());
  const tg_rate bytes = byte_rate(1000, 1000);
  program.limit("2001:db8::/32", {.expires = TG_NEVER, .bytes_cost = bytes.cost, .bytes_burst = bytes.burst});
  EXPECT_EQ(passes(program, Ethernet() / Ipv6{} / Tcp{} / Payload{440}, 9), 2U) << "500 bytes each";
}

TEST(Limit, APacketInsideItStillMeetsItsService) {
  Program program;
  program.configure(two_services());
  program.limit("192.0.2.1", packets(1000, 1000));
  EXPECT_EQ(passes(program, web_packet(), 20), 10U);
  EXPECT_VERDICT(program.run(web_packet(), {.now = kStart}), true, TG_REASON_PACKET_LIMIT);
}

TEST(Limit, HoldsAlsoWhereTheServiceOnlyReports) {
  Program program;
  TestPolicy policy = two_services();
  policy.services[0].limits.flags = TG_SERVICE_DRY_RUN;
  program.configure(policy);
  program.limit("192.0.2.1", packets(2, 2));
  EXPECT_EQ(passes(program, web_packet(), 20), 2U);
  EXPECT_EQ(passes(program, web_packet("192.0.2.2"), 20), 20U);
}

// Each source of a limited prefix takes a way: so many as the service admits, not as many as can be forged.
TEST(Limit, ASpoofedFloodOfALimitedPrefixDoesNotFillTheTable) {
  Program program;
  TestPolicy policy = two_services();
  policy.services[0].limits.fresh = packet_rate(50, 50);
  policy.services[0].limits.fresh_syn = packet_rate(1, 1);
  policy.services[0].limits.flags = TG_SERVICE_NEW_SOURCES;
  program.configure(policy);
  program.limit("10.0.0.0/8", packets(1000, 1000));
  unsigned passed = 0;
  for (unsigned i = 0; i < 1000; ++i) {
    const std::string source = "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    passed += program.run(web_packet(source), {.now = kStart}).dropped ? 0U : 1U;
  }
  EXPECT_EQ(passed, 50U) << "the budget is drawn on once for each";
  EXPECT_EQ(program.bucket_keys().size(), 100U) << "a way of the limit and one of the service";
  EXPECT_EQ(program.counter(kWeb, TG_REASON_NEW_SOURCES).dropped_packets, 950U);
}

}  // namespace
}  // namespace tidegate::test
