// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/address_ranges.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "tests/unit/policy/make.hpp"
#include "tests/unit/policy/search.hpp"

namespace tidegate::policy {
namespace {

struct Table {
  explicit Table(const std::vector<NumberedPrefix>& prefixes) : ranges(flatten(prefixes)) {
    fill_table(ranges, prefixes, *table);
    EXPECT_EQ(ranges.front().start, Address{});
    for (std::size_t i = 1; i < ranges.size(); ++i) EXPECT_LT(ranges[i - 1].start, ranges[i].start) << i;
  }
  unsigned operator()(std::string_view text) const { return address_value(*table, address(text)); }
  std::vector<AddressRange> ranges;
  std::unique_ptr<tg_address_table> table = std::make_unique<tg_address_table>();
};

TEST(AddressRanges, EmptyTableHoldsNothing) {
  const Table table({});
  EXPECT_EQ(table.ranges.size(), 1U);
  EXPECT_EQ(table("192.0.2.1"), 0U);
  EXPECT_EQ(table("::"), 0U);
}

TEST(AddressRanges, TheLongestPrefixWins) {
  const Table table({{prefix("192.0.2.0/24"), 1}, {prefix("192.0.2.128/25"), 2}, {prefix("192.0.2.130"), 3}});
  EXPECT_EQ(table("192.0.1.255"), 0U);
  EXPECT_EQ(table("192.0.2.0"), 1U);
  EXPECT_EQ(table("192.0.2.127"), 1U);
  EXPECT_EQ(table("192.0.2.128"), 2U);
  EXPECT_EQ(table("192.0.2.130"), 3U);
  EXPECT_EQ(table("192.0.2.131"), 2U);
  EXPECT_EQ(table("192.0.2.255"), 2U);
  EXPECT_EQ(table("192.0.3.0"), 0U);
}

TEST(AddressRanges, EveryIpv6AddressIsNoIpv4Address) {
  const Table table({{prefix("::/0"), 1}});
  EXPECT_EQ(table("2001:db8::1"), 1U);
  EXPECT_EQ(table("::fffe:c000:201"), 1U);
  EXPECT_EQ(table("::1:0:0:0"), 1U);
  EXPECT_EQ(table("192.0.2.1"), 0U);
  EXPECT_EQ(table("0.0.0.0"), 0U);
  EXPECT_EQ(table("255.255.255.255"), 0U);
}

TEST(AddressRanges, EveryIpv4AddressIsNoIpv6Address) {
  const Table table({{prefix("0.0.0.0/0"), 1}});
  EXPECT_EQ(table("0.0.0.0"), 1U);
  EXPECT_EQ(table("255.255.255.255"), 1U);
  EXPECT_EQ(table("::"), 0U);
  EXPECT_EQ(table("::1:0:0:0"), 0U);
  EXPECT_EQ(table("2001:db8::1"), 0U);
}

TEST(AddressRanges, BothFamiliesWhole) {
  const Table table({{prefix("0.0.0.0/0"), 1},
                     {prefix("::/0"), 2},
                     {prefix("255.255.255.255"), 3},
                     {prefix("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 4},
                     {prefix("::"), 5}});
  EXPECT_EQ(table("::"), 5U);
  EXPECT_EQ(table("::1"), 2U);
  EXPECT_EQ(table("0.0.0.0"), 1U);
  EXPECT_EQ(table("255.255.255.254"), 1U);
  EXPECT_EQ(table("255.255.255.255"), 3U);
  EXPECT_EQ(table("::1:0:0:0"), 2U);
  EXPECT_EQ(table("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 4U);
  EXPECT_EQ(table("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"), 2U);
}

TEST(AddressRanges, PrefixesRightBesideTheIpv4Window) {
  const Table table({{prefix("::fffe:0:0/96"), 1}, {prefix("::1:0:0:0/96"), 2}, {prefix("255.255.255.255"), 3}});
  EXPECT_EQ(table("::fffe:ffff:ffff"), 1U);
  EXPECT_EQ(table("0.0.0.0"), 0U);
  EXPECT_EQ(table("255.255.255.255"), 3U);
  EXPECT_EQ(table("::1:0:0:0"), 2U);
  EXPECT_EQ(table("::1:0:ffff:ffff"), 2U);
  EXPECT_EQ(table("::1:1:0:0"), 0U);
}

TEST(AddressRanges, NeighboursOfOneNumberAreOneRange) {
  const Table table({{prefix("192.0.2.0/25"), 1}, {prefix("192.0.2.128/25"), 1}});
  EXPECT_EQ(table.ranges.size(), 3U);
}

TEST(AddressRanges, FiltersOfShortPrefixesCoverAllTheyHold) {
  const Table table({{prefix("128.0.0.0/1"), 1}, {prefix("2000::/3"), 2}, {prefix("fd00::/20"), 3}});
  EXPECT_EQ(table("203.0.113.9"), 1U);
  EXPECT_EQ(table("255.1.2.3"), 1U);
  EXPECT_EQ(table("127.255.255.255"), 0U);
  EXPECT_EQ(table("2001:db8::1"), 2U);
  EXPECT_EQ(table("fd00:fff::1"), 3U);
  EXPECT_EQ(table("fd00:1000::1"), 0U);
}

TEST(AddressRanges, FiltersTellMostAddressesApartWithoutASearch) {
  const Table table({{prefix("192.0.2.0/24"), 1}, {prefix("2001:db8::/32"), 2}});
  EXPECT_FALSE(address_maybe(*table.table, address("198.51.100.1")));
  EXPECT_FALSE(address_maybe(*table.table, address("2001:db9::1")));
}

TEST(AddressRanges, ParentsAreOfTheSameFamily) {
  const std::vector<Prefix> sorted{prefix("::/0"), prefix("::/64"), prefix("0.0.0.0/0"), prefix("192.0.2.1"),
                                   prefix("2001:db8::/32")};
  const auto parents = parents_of(sorted);
  EXPECT_EQ(parents[0], std::nullopt);
  EXPECT_EQ(parents[1], 0U);
  EXPECT_EQ(parents[2], std::nullopt);
  EXPECT_EQ(parents[3], 2U);
  EXPECT_EQ(parents[4], 0U);
}

}  // namespace
}  // namespace tidegate::policy
