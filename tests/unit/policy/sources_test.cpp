// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/make.hpp"
#include "tests/unit/policy/reference.hpp"

namespace tidegate::policy {
namespace {

using ::testing::HasSubstr;

Packet from(std::string_view source, unsigned ifindex = 1) {
  return {
      .source = address(source), .destination = address("203.0.113.1"), .protocol = 6, .port = 443, .ifindex = ifindex};
}

SafelistEntry safe(std::string_view text, std::optional<std::string> interface = {}, std::optional<Rate> ceiling = {}) {
  return {prefix(text), ceiling, std::move(interface), {3, 12}};
}

// eth0 is 1, eth1 is 2, the rest does not exist.
struct Sources {
  Policy policy = policy_of({});
  std::vector<SafelistEntry> extra;

  CompileInput input() const {
    CompileInput result = input_of(policy);
    result.extra_safelist = extra;
    result.ifindex_of = [](const std::string& name) { return name == "eth0" ? 1U : name == "eth1" ? 2U : 0U; };
    return result;
  }
  std::optional<SourceAnswer> operator()(const Packet& packet) const {
    return source_by_tables(compile(input()).value(), packet);
  }
};

TEST(Sources, SafelistAndProxiesAreToldApart) {
  Sources sources;
  sources.policy.safelist = {safe("192.0.2.10", {}, per_second(100'000)), safe("2001:db8:a::/48")};
  sources.policy.trusted_proxies = {{prefix("198.51.100.0/24"), {}, {}}};
  EXPECT_EQ(sources(from("192.0.2.10")), (SourceAnswer{TG_SOURCE_SAFELIST, 10'000}));
  EXPECT_EQ(sources(from("2001:db8:a:1::2")), (SourceAnswer{TG_SOURCE_SAFELIST, 1000})) << "default 1000000/s";
  EXPECT_EQ(sources(from("198.51.100.7")), (SourceAnswer{TG_SOURCE_PROXY, 1000}));
  EXPECT_EQ(sources(from("192.0.2.11")), std::nullopt);
}

TEST(Sources, WithoutEntriesTheStageIsSkipped) {
  const auto compiled = compile(Sources{}.input()).value();
  EXPECT_EQ(compiled.image->host.flags & TG_HOST_HAS_SOURCES, 0U);
}

TEST(Sources, AnEntryBoundToAnInterfaceLeavesOthersToTheCoveringEntry) {
  Sources sources;
  sources.policy.safelist = {safe("192.0.2.10", "eth0", per_second(10)), safe("192.0.2.0/24", {}, per_second(20))};
  EXPECT_EQ(sources(from("192.0.2.10", 1))->cost, 100'000'000U);
  EXPECT_EQ(sources(from("192.0.2.10", 2))->cost, 50'000'000U);
}

TEST(Sources, AForgedSourceOnAnotherInterfaceIsNotSafelisted) {
  Sources sources;
  sources.policy.safelist = {safe("192.0.2.10", "eth1")};
  EXPECT_NE(sources(from("192.0.2.10", 2)), std::nullopt);
  EXPECT_EQ(sources(from("192.0.2.10", 1)), std::nullopt);
}

TEST(Sources, AnEntryBoundToAMissingInterfaceMatchesNothing) {
  Sources sources;
  sources.policy.safelist = {safe("192.0.2.10", "eth9")};
  EXPECT_EQ(sources(from("192.0.2.10", 1)), std::nullopt);
  EXPECT_EQ(sources(from("192.0.2.10", 0)), std::nullopt);
}

TEST(Sources, OnePrefixOnTwoInterfacesAndElsewhere) {
  Sources sources;
  sources.policy.safelist = {safe("192.0.2.10", {}, per_second(30)), safe("192.0.2.10", "eth1", per_second(20)),
                             safe("192.0.2.10", "eth0", per_second(10))};
  EXPECT_EQ(sources(from("192.0.2.10", 1))->cost, 100'000'000U);
  EXPECT_EQ(sources(from("192.0.2.10", 2))->cost, 50'000'000U);
  EXPECT_EQ(sources(from("192.0.2.10", 7))->cost, 33'333'334U);
}

TEST(Sources, EntriesOfTheCommandLineAreAdded) {
  Sources sources;
  sources.extra = {safe("203.0.113.9")};
  EXPECT_NE(sources(from("203.0.113.9")), std::nullopt);
}

TEST(Sources, TheSamePrefixTwiceIsAnError) {
  Sources sources;
  sources.policy.safelist = {safe("192.0.2.10"), safe("192.0.2.10")};
  EXPECT_EQ(errors_of(sources.input()), "3:12: 192.0.2.10 is in safelist twice, first at 3:12; remove one\n");
}

TEST(Sources, SafelistedAndProxyIsAConflict) {
  Sources sources;
  sources.policy.safelist = {safe("192.0.2.0/24")};
  sources.policy.trusted_proxies = {{prefix("192.0.2.0/24"), {}, {4, 20}}};
  EXPECT_EQ(errors_of(sources.input()),
            "4:20: 192.0.2.0/24 is in both safelist and trusted_proxies, first at 3:12; decide for one\n");
}

TEST(Sources, TheCommandLineRepeatingThePolicyIsNoError) {
  Sources sources;
  sources.policy.safelist = {safe("192.0.2.10", {}, per_second(10))};
  sources.extra = {safe("192.0.2.10", {}, per_second(20))};
  EXPECT_EQ(errors_of(sources.input()), "");
  EXPECT_EQ(sources(from("192.0.2.10"))->cost, 100'000'000U) << "the policy's entry holds";
}

TEST(Sources, TooLongAChainOfBoundEntriesIsAnError) {
  Sources sources;
  for (const char* text : {"192.0.2.0/24", "192.0.2.0/25", "192.0.2.0/26", "192.0.2.0/27"}) {
    sources.policy.safelist.push_back(safe(text, "eth0"));
  }
  EXPECT_EQ(errors_of(sources.input()), "");
  sources.policy.safelist.push_back(safe("192.0.2.0/28", "eth0"));
  EXPECT_THAT(errors_of(sources.input()), HasSubstr("more than 4 safelist entries bound to interfaces"));
}

TEST(Sources, MoreEntriesThanTheMapHoldsIsAnErrorThatNamesIt) {
  Sources sources;
  for (unsigned i = 0; i < TG_SOURCE_ENTRIES; ++i) {
    sources.policy.safelist.push_back({Prefix::host(Address::from_v4(0xc0000200 + 2 * i)), {}, {}, {i + 1, 3}});
  }
  EXPECT_THAT(errors_of(sources.input()),
              HasSubstr("1:3: safelist and trusted_proxies have 1024 entries together, map source_entries holds 1023"));
  sources.policy.safelist.pop_back();
  EXPECT_EQ(errors_of(sources.input()), "");
}

TEST(Sources, CeilingsThatCannotBeRepresentedAreErrors) {
  Sources sources;
  sources.policy.safelist = {safe("192.0.2.10", {}, per_second(300'000'000))};
  EXPECT_THAT(errors_of(sources.input()), HasSubstr("3:12: ceiling of 192.0.2.10: 300000000/s is too fast"));
}

TEST(Sources, WarnsOfEntriesThatCoverEverybodyOrNobody) {
  Policy policy = policy_of({});
  policy.safelist = {safe("0.0.0.0/0")};
  EXPECT_THAT(warnings_of(policy), HasSubstr("covers every IPv4 address"));
  policy.safelist = {safe("192.0.2.1", "eth7")};
  EXPECT_THAT(warnings_of(policy), HasSubstr("'eth7', which is not in interfaces"));
}

}  // namespace
}  // namespace tidegate::policy
