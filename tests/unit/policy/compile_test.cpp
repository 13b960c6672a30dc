// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/compile.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/policy/advice.hpp"
#include "tests/unit/policy/make.hpp"

namespace tidegate::policy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const tg_service& only_service(const Compiled& compiled) {
  return compiled.image->services[compiled.slots.begin()->second];
}

TEST(Compile, NoInterfaceIsAnError) {
  Policy policy = policy_of({});
  policy.interfaces.clear();
  EXPECT_THAT(errors_of(policy), HasSubstr("1:1: the policy names no interface"));
  EXPECT_THAT(compile(input_of(policy)).error().message, HasSubstr("1:1: the policy names no interface"));
}

TEST(Compile, HostDefaults) {
  const tg_host host = compile(input_of(policy_of({})))->image->host;
  EXPECT_EQ(host.flags, unsigned{TG_HOST_ENFORCE | TG_HOST_DROP_MALFORMED});
  EXPECT_EQ(host.source_mask_v4, ~0ULL);
  EXPECT_EQ(host.source_mask_v6.hi, ~0ULL);
  EXPECT_EQ(host.source_mask_v6.lo, 0ULL);
  EXPECT_EQ(host.replies.cost, 1000U);
  EXPECT_EQ(host.default_service, TG_SERVICE_NONE);
  EXPECT_NE(host.neighbour.cost, 0U);
  EXPECT_NE(host.icmp_error.cost, 0U);
  EXPECT_EQ(host.generation, 0U);
}

TEST(Compile, HostSettings) {
  Policy policy = policy_of({default_service("rest")});
  policy.enforce = false;
  policy.drop_malformed = false;
  policy.drop_non_first_fragments = true;
  policy.ipv4_prefix = 24;
  policy.ipv6_prefix = 80;
  policy.replies = limit(1000, 5000);
  const auto compiled = compile(input_of(policy)).value();
  const tg_host& host = compiled.image->host;
  EXPECT_EQ(host.flags, unsigned{TG_HOST_DROP_NON_FIRST});
  EXPECT_EQ(host.source_mask_v4 & 0xffffffff, 0xffffff00U);
  EXPECT_EQ(host.source_mask_v4 >> 32, 0xffffffffU) << "the v4-mapped part is kept";
  EXPECT_EQ(host.source_mask_v6.hi, ~0ULL);
  EXPECT_EQ(host.source_mask_v6.lo, 0xffffULL << 48);
  EXPECT_EQ(host.replies.burst, 5'000'000'000U);
  EXPECT_EQ(host.default_service, compiled.slots.at("rest"));
}

TEST(Compile, EveryLimitOfAService) {
  Policy policy = policy_of({service("a", {"tcp/443"})});
  Limits& limits = policy.services[0].limits;
  limits.packets = limit(2000, 4000);
  limits.bytes = limit(20'000'000, 40'000'000);
  limits.syn = limit(50, 100);
  limits.new_sources = NewSources{.rate = per_second(20'000), .syn_share = 0.25, .location = {}};
  policy.services[0].dry_run = true;
  const auto compiled = compile(input_of(policy)).value();
  const tg_service& service = only_service(compiled);
  EXPECT_EQ(service.packets.cost, 500'000U);
  EXPECT_EQ(service.packets.burst, 2'000'000'000U);
  EXPECT_EQ(service.bytes.cost, 50ULL << TG_BYTE_SHIFT);
  EXPECT_EQ(service.syn.burst, 2'000'000'000U);
  EXPECT_EQ(service.fresh_syn.cost, 200'000U);
  EXPECT_EQ(service.fresh.cost, 66'667U);
  EXPECT_EQ(service.flags, unsigned{TG_SERVICE_DRY_RUN | TG_SERVICE_NEW_SOURCES});
  EXPECT_EQ(service.tweak, 0U);
}

TEST(Compile, AServiceWithoutLimitsLimitsNothing) {
  Policy policy = policy_of({service("a", {"tcp/443"})});
  policy.services[0].limits = {};
  const auto compiled = compile(input_of(policy)).value();
  EXPECT_EQ(only_service(compiled).packets.cost, 0U);
  EXPECT_EQ(only_service(compiled).flags, 0U);
}

TEST(Compile, RatesAreErrorsAtTheirPlace) {
  Policy policy = policy_of({service("a", {"tcp/443"})});
  policy.services[0].limits.packets = Limit{per_second(2000), 4, {7, 16}};
  policy.services[0].limits.bytes = Limit{per_second(2000), 100, {8, 16}};
  const std::string errors = errors_of(policy);
  EXPECT_THAT(errors, HasSubstr("7:16: service a: packets: burst 4 at 2000/s lasts less than 8 ms"));
  EXPECT_THAT(errors, HasSubstr("8:16: service a: bytes: burst 100B is smaller than one frame"));
}

TEST(Compile, SynShareOutsideOfZeroToOneIsAnError) {
  Policy policy = policy_of({service("a", {"tcp/443"})});
  for (const double share : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
    policy.services[0].limits.new_sources = NewSources{.rate = per_second(100), .syn_share = share, .location = {9, 9}};
    EXPECT_THAT(errors_of(policy), HasSubstr("9:9: service a: syn_share is not between 0 and 1"));
  }
}

TEST(Compile, NewSourcesAloneIsWarnedOf) {
  Policy policy = policy_of({service("a", {"tcp/80"})});
  policy.services[0].limits = {};
  policy.services[0].limits.new_sources = NewSources{.rate = per_second(100), .location = {9, 9}};
  EXPECT_EQ(errors_of(policy), "");
  EXPECT_THAT(warnings_of(policy), HasSubstr("9:9: service a: new_sources bounds only newcomers"));
}

TEST(Compile, TwoDefaultsAreAnError) {
  Policy policy = policy_of({default_service("a"), default_service("b")});
  EXPECT_THAT(errors_of(policy), HasSubstr("service b: service a at 10:5 is the default already"));
}

TEST(Compile, AllErrorsAreReportedAtOnce) {
  Policy policy = policy_of({service("a", {"tcp/443"}), service("b", {"tcp/443"})});
  policy.interfaces.clear();
  policy.services[0].limits.packets = limit(2000, 1);
  policy.safelist = {{prefix("192.0.2.1"), {}, {}, {2, 1}}, {prefix("192.0.2.1"), {}, {}, {2, 9}}};
  const auto report = compile_all(input_of(policy));
  EXPECT_FALSE(report.compiled);
  EXPECT_EQ(report.issues.size(), 4U);
}

TEST(Advice, DebtIsNewSourcesByTheSlowestLimit) {
  Service slow = service("a", {"tcp/443"});
  slow.limits.syn = limit(50, 100);
  slow.limits.new_sources = NewSources{.rate = per_second(20'000), .location = {}};
  EXPECT_NEAR(debt_share(slow, 65536), 400.0 / 65536, 1e-9);
  slow.limits.packets = Limit{{1, std::chrono::minutes(1)}, {}, {}};
  EXPECT_NEAR(debt_share(slow, 65536), 1'200'000.0 / 65536, 1e-6);
  slow.limits.new_sources.reset();
  EXPECT_EQ(debt_share(slow, 65536), 0);
}

TEST(Advice, WarnsOfDebtAboveAQuarterOfTheWays) {
  Policy policy = policy_of({service("a", {"tcp/443"}), default_service("rest")});
  Limits& limits = policy.services[0].limits;
  limits.packets = limit(1);
  limits.new_sources = NewSources{.rate = per_second(16'384), .location = {5, 5}};
  EXPECT_THAT(warnings_of(policy), Not(HasSubstr("new_sources")));
  limits.new_sources->rate = per_second(20'000);
  EXPECT_THAT(warnings_of(policy), HasSubstr("5:5: service a: new_sources ÷ rate puts 31 % of the 65536 ways in debt"));
  CompileInput input = input_of(policy);
  input.bucket_ways = 131'072;
  EXPECT_TRUE(compile(input)->warnings.empty());
}

TEST(Advice, WarnsOfUnlimitedQuicBesideLimitedTls) {
  Policy policy = policy_of({service("web", {"tcp/443"})});
  EXPECT_THAT(warnings_of(policy),
              HasSubstr("10:5: service web matches tcp/443, but udp/443 (HTTP/3) has no packet or byte limit"));
  policy.services.push_back(default_service("rest"));
  EXPECT_EQ(warnings_of(policy), "");
  policy.services.back().limits = {};
  EXPECT_THAT(warnings_of(policy), HasSubstr("udp/443"));
  policy.services.push_back(service("quic", {"udp/443"}));
  EXPECT_EQ(warnings_of(policy), "");
}

TEST(Advice, QuicIsLookedForAtTheSameAddress) {
  Policy policy = policy_of({service("web", {"tcp/443"}, {"192.0.2.1"}), service("quic", {"udp/443"}, {"192.0.2.2"})});
  EXPECT_THAT(warnings_of(policy), HasSubstr("udp/443"));
  policy.services[1].addresses = {prefix("192.0.2.1")};
  EXPECT_EQ(warnings_of(policy), "");
}

TEST(Advice, WarnsOfSynLimitsWithoutTcp) {
  Policy policy = policy_of({service("dns", {"udp/53"})});
  policy.services[0].limits.syn = Limit{per_second(10), {}, {6, 6}};
  EXPECT_THAT(warnings_of(policy), HasSubstr("6:6: service dns limits syn, but matches no tcp"));
}

}  // namespace
}  // namespace tidegate::policy
