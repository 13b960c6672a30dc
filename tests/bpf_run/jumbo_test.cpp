// SPDX-License-Identifier: Apache-2.0
// Frames larger than a page, of which the program sees only the first part (MTU 9000).
#include "tests/bpf_run/fixture.hpp"

namespace tidegate::test {
namespace {

Frame jumbo(std::size_t payload) { return Ethernet() / Ipv4{} / Tcp{.ack = true} / Payload{payload}; }

TEST(Jumbo, PassesAndIsChargedItsWholeLength) {
  Program program({.frags = true});
  TestPolicy policy = two_services();
  policy.services[0].limits.packets = {};
  policy.services[0].limits.bytes = byte_rate(45000, 45000);
  program.configure(policy);
  EXPECT_EQ(passes(program, jumbo(8960), 9), 5U);
  EXPECT_EQ(program.counter(kWeb, TG_REASON_PASSED).passed_bytes, 45000U);
}

TEST(Jumbo, OneThatIsCutOffIsMalformed) {
  Program program({.frags = true});
  program.configure(two_services());
  const Bytes whole = jumbo(8960).bytes();
  EXPECT_VERDICT(program.run(whole), false, TG_REASON_PASSED);
  EXPECT_VERDICT(program.run(Bytes(whole.begin(), whole.end() - 1)), true, TG_REASON_MALFORMED_IPV4);
}

TEST(Jumbo, ABlockedSourceStaysBlocked) {
  Program program({.frags = true});
  program.configure(two_services());
  program.block("192.0.2.1");
  EXPECT_VERDICT(program.run(jumbo(8960)), true, TG_REASON_BLOCKED_ADDRESS);
}

TEST(Jumbo, OverIpv6) {
  Program program({.frags = true});
  program.configure(two_services());
  const Bytes whole = (Ethernet() / Vlan{} / Ipv6{} / Tcp{.ack = true} / Payload{8940}).bytes();
  EXPECT_VERDICT(program.run(whole), false, TG_REASON_PASSED);
  EXPECT_VERDICT(program.run(Bytes(whole.begin(), whole.end() - 1)), true, TG_REASON_MALFORMED_IPV6);
}

}  // namespace
}  // namespace tidegate::test
