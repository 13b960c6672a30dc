// SPDX-License-Identifier: Apache-2.0
#include "agent/base/address.hpp"

#include <gtest/gtest.h>

namespace tidegate {
namespace {

TEST(Address, ParsesAndPrintsBothFamilies) {
  for (const char* text : {"192.0.2.1", "0.0.0.0", "2001:db8::1", "::"}) {
    const auto address = Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
}

TEST(Address, RefusesWhatIsNoAddress) {
  for (const char* text :
       {"", "192.0.2", "192.0.2.256", "2001:db8:::1", "[::1]", "fe80::1%eth0", " 192.0.2.1", "example.org"}) {
    EXPECT_FALSE(Address::parse(text)) << text;
  }
  EXPECT_FALSE(Address::parse(std::string_view("192.0.2.1\0x", 11)));
}

TEST(Prefix, HostBitsNameThePrefixThatWasMeant) {
  const auto prefix = Prefix::parse("192.0.2.9/24");
  ASSERT_FALSE(prefix);
  EXPECT_NE(prefix.error().message.find("192.0.2.0/24"), std::string::npos) << prefix.error().message;
}

TEST(Prefix, LengthsAreChecked) {
  for (const char* text :
       {"192.0.2.0/33", "192.0.2.0/", "192.0.2.0/024", "192.0.2.0/-1", "2001:db8::/129", "192.0.2.0/24 "}) {
    EXPECT_FALSE(Prefix::parse(text)) << text;
  }
}

TEST(Prefix, ContainsAndLast) {
  const Prefix v4 = *Prefix::parse("192.0.2.0/24");
  EXPECT_TRUE(v4.contains(*Address::parse("192.0.2.255")));
  EXPECT_FALSE(v4.contains(*Address::parse("192.0.3.0")));
  EXPECT_EQ(v4.last().to_string(), "192.0.2.255");
  const Prefix v6 = *Prefix::parse("2001:db8::/32");
  EXPECT_TRUE(v6.contains(*Prefix::parse("2001:db8:1::/48")));
  EXPECT_EQ(v6.last().to_string(), "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
  EXPECT_FALSE(v6.overlaps(v4));
  EXPECT_TRUE(Prefix::parse("::/0")->contains(v6));
  EXPECT_FALSE(Prefix::parse("::/0")->contains(v4));
  EXPECT_FALSE(Prefix::parse("::/64")->contains(*Address::parse("192.0.2.1")));
  EXPECT_TRUE(Prefix::parse("0.0.0.0/0")->contains(v4));
  EXPECT_EQ(Prefix::parse("0.0.0.0/0")->last().to_string(), "255.255.255.255");
}

}  // namespace
}  // namespace tidegate
