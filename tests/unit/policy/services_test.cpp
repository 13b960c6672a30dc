// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/make.hpp"
#include "tests/unit/policy/reference.hpp"

namespace tidegate::policy {
namespace {

using ::testing::HasSubstr;

constexpr std::uint8_t kTcp = 6;
constexpr std::uint8_t kUdp = 17;

std::optional<std::string> find(const Policy& policy, std::string_view destination, std::uint8_t protocol,
                                std::optional<std::uint16_t> port) {
  const auto compiled = compile(input_of(policy));
  EXPECT_TRUE(compiled) << compiled.error().message;
  return service_by_tables(*compiled, {.source = address("198.51.100.1"),
                                       .destination = address(destination),
                                       .protocol = protocol,
                                       .port = port,
                                       .ifindex = 1});
}

TEST(Services, ANarrowerPortRangeBeatsAWiderOne) {
  const Policy policy = policy_of({service("all", {"tcp"}), service("wide", {"tcp/1-65535"}),
                                   service("mid", {"tcp/400-500"}), service("web", {"tcp/443"})});
  EXPECT_EQ(find(policy, "203.0.113.1", kTcp, 443), "web");
  EXPECT_EQ(find(policy, "203.0.113.1", kTcp, 442), "mid");
  EXPECT_EQ(find(policy, "203.0.113.1", kTcp, 500), "mid");
  EXPECT_EQ(find(policy, "203.0.113.1", kTcp, 501), "wide");
  EXPECT_EQ(find(policy, "203.0.113.1", kTcp, 0), "all");
  EXPECT_EQ(find(policy, "203.0.113.1", kTcp, std::nullopt), "all") << "fragments have no port";
  EXPECT_EQ(find(policy, "203.0.113.1", kUdp, 443), std::nullopt);
}

TEST(Services, AnAddressBeatsAPort) {
  const Policy policy = policy_of({service("web", {"tcp/443"}), service("host", {"tcp"}, {"203.0.113.1"}),
                                   service("net", {"tcp/443"}, {"203.0.113.0/24"}, 20)});
  EXPECT_EQ(find(policy, "203.0.113.1", kTcp, 443), "host");
  EXPECT_EQ(find(policy, "203.0.113.2", kTcp, 443), "net");
  EXPECT_EQ(find(policy, "198.51.100.2", kTcp, 443), "web");
  EXPECT_EQ(find(policy, "203.0.113.2", kTcp, 80), std::nullopt);
}

TEST(Services, AMoreSpecificAddressLeavesWhatItDoesNotMatchToTheCoveringOne) {
  const Policy policy = policy_of({service("net", {"tcp/80", "tcp/443"}, {"203.0.113.0/24"}),
                                   service("host", {"tcp/443"}, {"203.0.113.1"}), service("any", {"udp/53"})});
  EXPECT_EQ(find(policy, "203.0.113.1", kTcp, 443), "host");
  EXPECT_EQ(find(policy, "203.0.113.1", kTcp, 80), "net");
  EXPECT_EQ(find(policy, "203.0.113.1", kUdp, 53), "any");
}

TEST(Services, TheDefaultTakesWhatNoOtherDoes) {
  const Policy policy = policy_of({service("web", {"tcp/443"}), default_service("rest")});
  EXPECT_EQ(find(policy, "203.0.113.1", kTcp, 443), "web");
  EXPECT_EQ(find(policy, "203.0.113.1", 47, std::nullopt), "rest");
  EXPECT_EQ(find(policy, "2001:db8::1", 0, std::nullopt), "rest");
  EXPECT_EQ(find(policy, "2001:db8::1", 255, std::nullopt), "rest");
}

TEST(Services, EverythingIsTheSameForIpv6) {
  const Policy policy = policy_of({service("net", {"tcp/80"}, {"2001:db8::/32"}),
                                   service("host", {"tcp/80"}, {"2001:db8::1"}), service("six", {"tcp/80"}, {"::/0"})});
  EXPECT_EQ(find(policy, "2001:db8::1", kTcp, 80), "host");
  EXPECT_EQ(find(policy, "2001:db8::2", kTcp, 80), "net");
  EXPECT_EQ(find(policy, "2001:db9::2", kTcp, 80), "six");
  EXPECT_EQ(find(policy, "192.0.2.1", kTcp, 80), std::nullopt) << "::/0 is every IPv6 address, not every address";
}

TEST(Services, TwoEquallySpecificOnesAreAnErrorWithBothPlaces) {
  EXPECT_EQ(errors_of(policy_of({service("a", {"tcp/443"}, {}, 10), service("b", {"tcp/80", "tcp/443"}, {}, 20)})),
            "22:13: service b: tcp/443 overlaps tcp/443 of service a at 11:13 and neither is more specific; "
            "narrow one or give it addresses\n");
  EXPECT_THAT(errors_of(policy_of({service("a", {"tcp/1-100"}), service("b", {"tcp/50-149"}, {}, 20)})),
              HasSubstr("21:13: service b: tcp/50-149 overlaps tcp/1-100 of service a at 11:13"));
  EXPECT_THAT(errors_of(policy_of({service("a", {"gre"}), service("b", {"47"}, {}, 20)})),
              HasSubstr("gre overlaps gre"));
  EXPECT_THAT(
      errors_of(policy_of({service("a", {"tcp/1"}, {"192.0.2.0/24"}), service("b", {"tcp/1"}, {"192.0.2.0/24"}, 20)})),
      HasSubstr("overlaps"));
}

TEST(Services, OverlapsThatAreDecidedAreNoErrors) {
  EXPECT_EQ(errors_of(policy_of({service("a", {"tcp/1-100"}), service("b", {"tcp/50-150"})})), "")
      << "different widths";
  EXPECT_EQ(errors_of(policy_of({service("a", {"tcp/1-100"}), service("b", {"tcp/101-200"})})), "");
  EXPECT_EQ(errors_of(policy_of({service("a", {"tcp/443"}), service("b", {"tcp/443"}, {"192.0.2.1"})})), "");
  EXPECT_EQ(
      errors_of(policy_of({service("a", {"tcp/443"}, {"192.0.2.0/24"}), service("b", {"tcp/443"}, {"192.0.2.0/25"})})),
      "");
  EXPECT_EQ(errors_of(policy_of({service("a", {"tcp/443"}, {"::/0"}), service("b", {"tcp/443"}, {"0.0.0.0/0"})})), "");
  EXPECT_EQ(errors_of(policy_of({service("a", {"tcp/443", "tcp/443", "tcp/443-443"})})), "") << "within one service";
}

TEST(Services, ManyAddressesOfOneServiceAreOneClass) {
  Policy policy = policy_of({service("a", {"tcp/443"})});
  for (unsigned i = 0; i < 1000; ++i) {
    policy.services[0].addresses.push_back(Prefix::host(Address::from_v4(0xcb007100 + 2 * i)));
  }
  const auto compiled = compile(input_of(policy));
  ASSERT_TRUE(compiled) << compiled.error().message;
  EXPECT_EQ(compiled->image->ranges.first[3], compiled->image->ranges.first[2]) << "classes 0 and 1 only";
}

TEST(Services, TooManyServicesIsAnErrorThatNamesTheMap) {
  Policy policy = policy_of({});
  for (unsigned i = 0; i < TG_POLICY_SERVICES; ++i) {
    policy.services.push_back(service("s" + std::to_string(i), {"tcp"}));
    policy.services.back().match[0].ports = {static_cast<std::uint16_t>(2 * i), static_cast<std::uint16_t>(2 * i)};
  }
  EXPECT_EQ(errors_of(policy), "");
  policy.services.push_back(service("last", {"udp"}, {}, 77));
  EXPECT_EQ(errors_of(policy), "77:5: the policy has 251 services, map services holds 250; merge some\n");
}

TEST(Services, TooManyPortRangesIsAnErrorThatNamesTheMap) {
  Policy policy = policy_of({service("a", {"tcp/1"})});
  for (unsigned i = 1; i < 2047; ++i) {
    const auto port = static_cast<std::uint16_t>(1 + 2 * i);
    policy.services[0].match.push_back({.protocol = 6, .ports = {{port, port}}, .location = {}});
  }
  EXPECT_EQ(errors_of(policy), "") << "4095 ranges";
  policy.services[0].match.push_back({.protocol = 17, .ports = {{7, 7}}, .location = {}});
  EXPECT_THAT(errors_of(policy),
              HasSubstr("more than 4096 port ranges over all their addresses, map ranges holds no more"));
}

TEST(Services, TooManyAddressCombinationsIsAnErrorThatNamesTheMap) {
  Policy policy = policy_of({});
  for (unsigned i = 0; i < TG_DESTINATION_CLASSES; ++i) {
    policy.services.push_back(service("s" + std::to_string(i), {"tcp/443"}));
    policy.services.back().addresses = {Prefix::host(Address::from_v4(0xcb007100 + i))};
  }
  EXPECT_THAT(errors_of(policy), HasSubstr("more than 63 different combinations, map destinations holds no more"));
  policy.services.pop_back();
  EXPECT_EQ(errors_of(policy), "");
}

TEST(Services, TooManyAddressRangesIsAnErrorThatNamesTheMap) {
  Policy policy = policy_of({service("a", {"tcp/443"})});
  for (unsigned i = 0; i < 2048; ++i) {
    policy.services[0].addresses.push_back(Prefix::host(Address::from_v4(0xcb007100 + 2 * i)));
  }
  EXPECT_THAT(errors_of(policy), HasSubstr("make 4097 address ranges, map destinations holds 4096"));
  policy.services[0].addresses.pop_back();
  EXPECT_EQ(errors_of(policy), "");
}

TEST(Services, AHundredServicesFindTheirOwnPackets) {
  Policy policy = policy_of({default_service("rest")});
  for (unsigned i = 0; i < 100; ++i) {
    Service one = service("s" + std::to_string(i), {"tcp/1", "udp/1"});
    const auto port = static_cast<std::uint16_t>(1000 + 10 * i);
    one.match[0].ports = {port, port};
    one.match[1].ports = {port, static_cast<std::uint16_t>(port + 9)};
    if (i % 2 == 0) one.addresses = {Prefix::host(Address::from_v4(0xcb007100 + i % 20))};
    policy.services.push_back(std::move(one));
  }
  const auto compiled = compile(input_of(policy)).value();
  for (unsigned i = 0; i < 100; ++i) {
    const Address to = Address::from_v4(0xcb007100 + i % 20);
    const auto port = static_cast<std::uint16_t>(1000 + 10 * i);
    const auto find_one = [&](Address destination, std::uint8_t protocol, unsigned at) {
      return service_by_tables(compiled, {.source = to,
                                          .destination = destination,
                                          .protocol = protocol,
                                          .port = static_cast<std::uint16_t>(at),
                                          .ifindex = 1});
    };
    EXPECT_EQ(find_one(to, kTcp, port), "s" + std::to_string(i));
    EXPECT_EQ(find_one(to, kUdp, port + 9U), "s" + std::to_string(i));
    EXPECT_EQ(find_one(to, kTcp, port + 1U), "rest");
    EXPECT_EQ(find_one(address("2001:db8::1"), kTcp, port), i % 2 == 0 ? "rest" : "s" + std::to_string(i));
  }
}

TEST(Services, WarnsOfAServiceThatIsNeverReached) {
  EXPECT_THAT(warnings_of(policy_of({service("a", {"tcp/10-11"}), service("b", {"tcp/10"}), service("c", {"tcp/11"})})),
              HasSubstr("10:5: service a never matches"));
}

TEST(Slots, AServiceKeepsItsSlot) {
  const Policy policy = policy_of({service("a", {"tcp/1"}), service("b", {"tcp/2"})});
  CompileInput input = input_of(policy);
  input.slots = {{"b", 0}, {"gone", 1}};
  const auto compiled = compile(input).value();
  EXPECT_EQ(compiled.slots.at("b"), 0U);
  EXPECT_EQ(compiled.slots.at("a"), 2U) << "a free slot before that of a removed service";
  EXPECT_EQ(compiled.slots.size(), 2U);
}

TEST(Slots, SlotsOfRemovedServicesAreTakenWhenNoOtherIsLeft) {
  const Policy policy = policy_of({service("new", {"tcp/1"})});
  CompileInput input = input_of(policy);
  for (unsigned i = 0; i < TG_POLICY_SERVICES; ++i) input.slots["old" + std::to_string(i)] = i;
  EXPECT_LT(compile(input)->slots.at("new"), unsigned{TG_POLICY_SERVICES});
}

TEST(Slots, NonsenseFromAPinnedMapIsNotTrusted) {
  const Policy policy = policy_of({service("a", {"tcp/1"}), service("b", {"tcp/2"}), service("c", {"tcp/3"})});
  CompileInput input = input_of(policy);
  input.slots = {{"a", 255}, {"b", 7}, {"c", 7}};
  const auto slots = compile(input)->slots;
  EXPECT_LT(slots.at("a"), unsigned{TG_POLICY_SERVICES});
  EXPECT_NE(slots.at("b"), slots.at("c"));
}

}  // namespace
}  // namespace tidegate::policy
