// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/guard.hpp"

#include <gmock/gmock.h>

#include <random>

#include "tests/unit/decisions/support.hpp"

namespace tidegate::decisions {
namespace {

using test::prefix;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Kind = Fact::Kind;

std::string refusal(const Guard& guard, const char* target, Action action = Action::kBlock) {
  const Status status = guard.check(prefix(target), action);
  if (status) return "";
  EXPECT_EQ(status.error().code, ErrorCode::kFailedPrecondition);
  return status.error().message;
}

TEST(Guard, KnowsNothingRefusesNothing) { EXPECT_EQ(refusal(Guard(), "0.0.0.0/0"), ""); }

TEST(Guard, NamesWhatWouldBeLockedOutAndTheOverride) {
  const Guard guard({{prefix("192.0.2.10"), Kind::kOwnAddress, "eth0"}});
  EXPECT_THAT(
      refusal(guard, "192.0.2.0/24"),
      AllOf(HasSubstr("refused to block 192.0.2.0/24"),
            HasSubstr("would cover 192.0.2.10, which is an address of this host (eth0)"), HasSubstr("--force")));
  EXPECT_THAT(refusal(guard, "192.0.2.10", Action::kLimit),
              HasSubstr("refused to limit 192.0.2.10: it is an address of"));
  EXPECT_EQ(refusal(guard, "192.0.2.11"), "");
  EXPECT_EQ(refusal(guard, "192.0.2.0/24", Action::kMonitor), "");
}

TEST(Guard, EveryKindHasItsName) {
  const Guard guard({{prefix("192.0.2.1"), Kind::kGateway, "eth0"},
                     {prefix("192.0.2.2"), Kind::kDnsServer, ""},
                     {prefix("192.0.2.3"), Kind::kSshPeer, "to port 22"},
                     {prefix("192.0.2.4"), Kind::kCaller, ""},
                     {prefix("192.0.2.5"), Kind::kSafelist, "policy"}});
  EXPECT_THAT(refusal(guard, "192.0.2.1"), HasSubstr("default gateway"));
  EXPECT_THAT(refusal(guard, "192.0.2.2"), HasSubstr("DNS server"));
  EXPECT_THAT(refusal(guard, "192.0.2.3"), HasSubstr("SSH connection (to port 22)"));
  EXPECT_THAT(refusal(guard, "192.0.2.4"), HasSubstr("your own session"));
  EXPECT_THAT(refusal(guard, "192.0.2.5"), HasSubstr("on the safelist (policy)"));
  // Of several, the gravest.
  EXPECT_THAT(refusal(guard, "192.0.2.0/24"), HasSubstr("192.0.2.4, which is the peer of your own session"));
}

TEST(Guard, ATargetInsideASafelistedPrefixIsRefused) {
  const Guard guard(
      {{prefix("2001:db8:a::/48"), Kind::kSafelist, "operator"}, {prefix("192.0.2.0/24"), Kind::kSafelist, ""}});
  EXPECT_THAT(refusal(guard, "2001:db8:a:1::/64"),
              HasSubstr("lies inside 2001:db8:a::/48, which is on the safelist (operator)"));
  EXPECT_THAT(refusal(guard, "2001:db8:a::/48"), HasSubstr("2001:db8:a::/48: it is on the safelist (operator)"));
  EXPECT_THAT(refusal(guard, "192.0.2.77"), HasSubstr("192.0.2.0/24"));
  EXPECT_EQ(refusal(guard, "2001:db8:b::1"), "");
  EXPECT_EQ(refusal(guard, "192.0.3.0/24"), "");
}

TEST(Guard, EverythingCoversSomethingOfOurs) {
  const Guard guard({{prefix("192.0.2.10"), Kind::kOwnAddress, ""}, {prefix("fe80::1"), Kind::kGateway, ""}});
  EXPECT_NE(refusal(guard, "0.0.0.0/0"), "");
  EXPECT_NE(refusal(guard, "::/0"), "");
  EXPECT_NE(refusal(guard, "fe80::/10"), "");
}

// Against the plain definition, with nested facts of many lengths.
TEST(Guard, AgreesWithAScan) {
  std::mt19937_64 random(1);
  const auto some_prefix = [&] {
    const unsigned length = 112 + static_cast<unsigned>(random() % 17);
    return Prefix::around(Address::from_v4(static_cast<std::uint32_t>(random() & 0xffffff)), length);
  };
  std::vector<Fact> facts;
  for (int i = 0; i < 50; ++i) facts.push_back({some_prefix(), Kind::kSafelist, ""});
  const Guard guard(facts);
  int touched = 0;
  for (int i = 0; i < 5000; ++i) {
    const Prefix target = i % 2 == 0 ? some_prefix() : Prefix::host(some_prefix().address);
    const bool expected = std::ranges::any_of(facts, [&](const Fact& fact) { return fact.prefix.overlaps(target); });
    EXPECT_EQ(guard.touched_by(target) != nullptr, expected) << target.to_string();
    touched += expected;
  }
  EXPECT_GT(touched, 100);
  EXPECT_LT(touched, 4900);
}

}  // namespace
}  // namespace tidegate::decisions
