// SPDX-License-Identifier: Apache-2.0
// Buckets of sources: packets, bytes, SYNs; sets full of debt; limits that change; clocks that jump.
#include <algorithm>
#include <cstring>

#include "tests/bpf_run/fixture.hpp"

namespace tidegate::test {
namespace {

TEST(Bucket, LimitsPacketsPerSourceAndService) {
  Program program;
  program.configure(two_services());
  EXPECT_EQ(passes(program, web_packet(), 20), 10U);
  EXPECT_VERDICT(program.run(web_packet(), {.now = kStart}), true, TG_REASON_PACKET_LIMIT);
  EXPECT_EQ(passes(program, web_packet("192.0.2.2"), 20), 10U) << "another source has its own";
  EXPECT_EQ(passes(program, Ethernet() / Ipv4{} / Udp{}, 20), 10U) << "another service has its own";
  EXPECT_EQ(passes(program, web_packet(), 20, kStart + kSecond / 2), 5U) << "half a second refills half";
}

TEST(Bucket, LimitsBytes) {
  Program program;
  TestPolicy policy = two_services();
  policy.services[0].limits.packets = {};
  policy.services[0].limits.bytes = byte_rate(10000, 10000);
  program.configure(policy);
  const Frame big = Ethernet() / Ipv4{} / Tcp{.ack = true} / Payload{960};  // 1000 bytes of IP
  EXPECT_EQ(passes(program, big, 20), 10U);
  EXPECT_VERDICT(program.run(big, {.now = kStart}), true, TG_REASON_BYTE_LIMIT);
  EXPECT_EQ(passes(program, web_packet(), 20, kStart + kSecond / 50), 5U) << "200 bytes are five headers";
}

TEST(Bucket, LimitsSynsAndLetsOtherSegmentsPass) {
  Program program;
  TestPolicy policy = two_services();
  policy.services[0].limits.packets = packet_rate(1000, 1000);
  policy.services[0].limits.syn = packet_rate(5, 5);
  program.configure(policy);
  EXPECT_EQ(passes(program, web_syn(), 20), 5U);
  EXPECT_VERDICT(program.run(web_syn(), {.now = kStart}), true, TG_REASON_SYN_LIMIT);
  EXPECT_EQ(passes(program, web_packet(), 20), 20U);
  EXPECT_VERDICT(program.run(Ethernet() / Ipv4{} / Tcp{.syn = true, .ack = true}, {.now = kStart}), false,
                 TG_REASON_PASSED);
}

TEST(Bucket, APacketThatDoesNotConformWritesNothing) {
  Program program;
  TestPolicy policy = two_services();
  policy.services[0].limits.bytes = byte_rate(1000, 1500);
  program.configure(policy);
  passes(program, web_packet(), 10);
  const auto before = program.bucket_keys();
  std::vector<tg_tat_set> tats;
  for (unsigned i = 0; i < 8192; ++i) tats.push_back(program.value<tg_tat_set>("tats", i));
  EXPECT_EQ(passes(program, Ethernet() / Ipv4{} / Tcp{} / Payload{2000}, 50), 0U);
  for (unsigned i = 0; i < 8192; ++i) {
    const auto after = program.value<tg_tat_set>("tats", i);
    EXPECT_EQ(std::memcmp(&after, &tats[i], sizeof(after)), 0) << i;
  }
  EXPECT_EQ(program.bucket_keys(), before);
}

TEST(Bucket, SourcesAreKeptByTheConfiguredPrefix) {
  Program program;
  TestPolicy policy = two_services();
  policy.host.source_mask_v4 = ~0xffULL;
  program.configure(policy);
  EXPECT_EQ(passes(program, web_packet("192.0.2.1"), 10) + passes(program, web_packet("192.0.2.200"), 10), 10U);
  EXPECT_EQ(passes(program, web_packet("192.0.3.1"), 20), 10U);
  const auto v6 = [](const char* source) { return Ethernet() / Ipv6{.source = source} / Tcp{.ack = true}; };
  EXPECT_EQ(passes(program, v6("2001:db8::1"), 10) + passes(program, v6("2001:db8::ffff:1"), 10), 10U) << "one /64";
  EXPECT_EQ(passes(program, v6("2001:db8:0:1::1"), 20), 10U) << "another /64";
}

TEST(Bucket, SixtyFourBitsAreNotTheLimitOfAPrefix) {
  Program program;
  TestPolicy policy = two_services();
  policy.host.source_mask_v6 = {~0ULL, ~0ULL};
  program.configure(policy);
  const auto v6 = [](const char* source) { return Ethernet() / Ipv6{.source = source} / Tcp{.ack = true}; };
  EXPECT_EQ(passes(program, v6("2001:db8::1"), 20), 10U);
  EXPECT_EQ(passes(program, v6("2001:db8::2"), 20), 10U);
}

TEST(Bucket, ASetFullOfDebtDrawsOnTheAggregate) {
  Program program({.bucket_sets = 1});
  TestPolicy policy = two_services();
  program.configure(policy);
  for (unsigned i = 0; i < TG_WAYS; ++i)
    EXPECT_EQ(passes(program, web_packet("203.0.113." + std::to_string(i + 1)), 3), 3U);
  EXPECT_VERDICT(program.run(web_packet("192.0.2.1"), {.now = kStart}), false, TG_REASON_AGGREGATE);
  EXPECT_EQ(passes(program, web_packet("192.0.2.2"), 20), 9U) << "one aggregate for the /24";
  EXPECT_VERDICT(program.run(web_packet("192.0.2.3"), {.now = kStart}), true, TG_REASON_AGGREGATE_LIMIT);
  EXPECT_EQ(program.fault(TG_FAULT_SET_FULL), 22U);
  EXPECT_EQ(passes(program, web_packet("203.0.113.1"), 20), 7U) << "nobody in debt was evicted";
}

TEST(Bucket, AFreeWayIsTakenFromWhoWasIdleLongest) {
  Program program({.bucket_sets = 1});
  program.configure(two_services());
  const tg_rate rate = packet_rate(10, 10);
  for (unsigned i = 0; i < TG_WAYS; ++i)
    passes(program, web_packet("203.0.113." + std::to_string(i + 1)), 1, kStart + i);
  const auto before = program.value<tg_key_set>("keys", 0);
  // now all have run empty; the first has been so for longest
  passes(program, web_packet("192.0.2.1"), 1, kStart + 2 * rate.cost);
  const auto after = program.value<tg_key_set>("keys", 0);
  EXPECT_NE(before.key[0], after.key[0]);
  for (unsigned i = 1; i < TG_WAYS; ++i) EXPECT_EQ(before.key[i], after.key[i]) << i;
}

TEST(Bucket, ARelaxedLimitActsAtOnce) {
  Program program;
  TestPolicy policy = two_services();
  policy.services[0].limits.packets = packet_rate(1.0 / 60, 10);  // ten minutes of debt
  program.configure(policy, 0);
  EXPECT_EQ(passes(program, web_packet(), 20), 10U);
  policy.services[0].limits.packets = packet_rate(1000, 1000);
  program.configure(policy, 1);
  program.activate(1);
  EXPECT_EQ(passes(program, web_packet(), 1), 1U);
  EXPECT_EQ(passes(program, web_packet(), 2000, kStart + kSecond), 1000U) << "the new burst and no more";
}

TEST(Bucket, ATightenedLimitActsAtOnce) {
  Program program;
  TestPolicy policy = two_services();
  policy.services[0].limits.packets = packet_rate(1000, 1000);
  program.configure(policy, 0);
  EXPECT_EQ(passes(program, web_packet(), 100), 100U);
  policy.services[0].limits.packets = packet_rate(10, 1);
  program.configure(policy, 1);
  program.activate(1);
  EXPECT_LE(passes(program, web_packet(), 100), 1U);
}

class Clock : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Clock, LimitsHoldFarFromZero) {
  Program program;
  program.configure(two_services());
  const std::uint64_t start = GetParam();
  EXPECT_EQ(passes(program, web_packet(), 20, start), 10U);
  EXPECT_EQ(passes(program, web_packet(), 20, start + kSecond), 10U);
  EXPECT_EQ(passes(program, web_packet(), 20, start + kSecond + kSecond / 10), 1U);
}

INSTANTIATE_TEST_SUITE_P(Starts, Clock,
                         testing::Values(1, kSecond, (1ULL << 32) - kSecond / 2, (1ULL << 63) - kSecond / 2, 1ULL << 63,
                                         (1ULL << 63) + (1ULL << 40)));

TEST(Bucket, SurvivesAClockThatJumps) {
  Program program;
  program.configure(two_services());
  EXPECT_EQ(passes(program, web_packet(), 20, kStart), 10U);
  EXPECT_EQ(passes(program, web_packet(), 20, 1ULL << 62), 10U) << "forward";
  EXPECT_EQ(passes(program, web_packet(), 20, kStart), 1U) << "back: the debt shrinks to a full bucket";
  EXPECT_EQ(passes(program, web_packet(), 20, kStart + kSecond), 10U);
}

TEST(Bucket, ServicesWithoutLimitsPass) {
  Program program;
  TestPolicy policy = two_services();
  policy.services[0].limits.packets = {};
  program.configure(policy);
  EXPECT_EQ(passes(program, web_packet(), 500), 500U);
  EXPECT_TRUE(program.bucket_keys().empty());
}

TEST(Bucket, ClaimsLeaveNoDuplicateInOneThread) {
  Program program({.bucket_sets = 4});
  program.configure(two_services());
  for (unsigned round = 0; round < 20; ++round)
    for (unsigned i = 0; i < 60; ++i)
      passes(program, web_packet("192.0.2." + std::to_string(i + 1)), 1, kStart + round * kSecond);
  auto keys = program.bucket_keys();
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

}  // namespace
}  // namespace tidegate::test
