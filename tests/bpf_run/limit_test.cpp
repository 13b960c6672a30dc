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

}  // namespace
}  // namespace tidegate::test
