// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/match.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate::policy {
namespace {

using ::testing::HasSubstr;

std::string error_of(std::string_view text) {
  const auto match = parse_match(text);
  return match ? "" : match.error().message;
}

TEST(Match, EveryFormIsReadAndWrittenBack) {
  for (const char* text : {"tcp/443", "udp/1000-2000", "tcp", "udp", "icmp", "icmpv6", "gre", "esp", "sctp/5060", "89",
                           "0", "255", "tcp/0", "tcp/65535", "udp/0-65535"}) {
    const auto match = parse_match(text);
    ASSERT_TRUE(match) << text << ": " << match.error().message;
    EXPECT_EQ(format_match(*match), text);
  }
}

TEST(Match, NumbersAndNamesAreTheSameProtocol) {
  EXPECT_EQ(parse_match("6/80")->protocol, 6);
  EXPECT_EQ(format_match(*parse_match("6/80")), "tcp/80");
  EXPECT_EQ(parse_match("47")->protocol, parse_match("gre")->protocol);
}

TEST(Match, WhatIsNoMatchIsRefused) {
  for (const char* text : {"", "/", "tcp/", "tcp/-", "tcp/80-", "tcp/-80", "tcp/65536", "tcp/080", "tcp/80 ", " tcp",
                           "TCP", "256", "-1", "tcp/80/90", "tcp/80-90-100", "http", "tcp/+80", "06"}) {
    EXPECT_NE(error_of(text), "") << text;
  }
}

TEST(Match, MessagesSayWhatToWrite) {
  EXPECT_THAT(error_of("http"), HasSubstr("for example tcp/443"));
  EXPECT_THAT(error_of("gre/1"), HasSubstr("write gre"));
  EXPECT_THAT(error_of("tcp/20-10"), HasSubstr("ends before it begins"));
}

}  // namespace
}  // namespace tidegate::policy
