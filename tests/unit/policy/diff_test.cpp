// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/diff.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/make.hpp"

namespace tidegate::policy {

std::ostream& operator<<(std::ostream& out, const Change& change) {
  const char* sign = change.kind == ChangeKind::kAdded ? "+" : change.kind == ChangeKind::kRemoved ? "-" : "~";
  return out << sign << change.path << " '" << change.before << "' '" << change.after << "'";
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Change added(std::string path, std::string value) {
  return {ChangeKind::kAdded, std::move(path), "", std::move(value)};
}
Change removed(std::string path, std::string value) {
  return {ChangeKind::kRemoved, std::move(path), std::move(value), ""};
}
Change changed(std::string path, std::string before, std::string after) {
  return {ChangeKind::kChanged, std::move(path), std::move(before), std::move(after)};
}

TEST(Diff, SamePoliciesDoNotDiffer) {
  const Policy policy = policy_of({service("a", {"tcp/443", "tcp/80"}), service("b", {"udp/53"})});
  EXPECT_THAT(diff(policy, policy), IsEmpty());
  Policy reordered = policy_of({service("b", {"udp/53"}, {}, 99), service("a", {"tcp/80", "tcp/443"})});
  reordered.text = "# another comment";
  EXPECT_THAT(diff(policy, reordered), IsEmpty()) << "order, places and comments do not count";
}

TEST(Diff, ValuesAreInTheWordsOfThePolicy) {
  Policy before = policy_of({service("api", {"tcp/443"})});
  Policy after = before;
  before.services[0].limits.packets = limit(2000);
  after.services[0].limits.packets = limit(3000, 4000);
  after.services[0].limits.bytes = limit(20'000'000, 40'000'000);
  after.services[0].limits.new_sources = NewSources{.rate = per_second(500), .syn_share = 0.25, .location = {}};
  after.services[0].dry_run = true;
  after.services[0].match.push_back(service("x", {"tcp/8443"}).match[0]);
  EXPECT_THAT(diff(before, after), ElementsAre(changed("services.api.match", "tcp/443", "tcp/443, tcp/8443"),
                                               changed("services.api.limits.packets.rate", "2000/s", "3000/s"),
                                               added("services.api.limits.packets.burst", "4000"),
                                               added("services.api.limits.bytes.rate", "20MB/s"),
                                               added("services.api.limits.bytes.burst", "40MB"),
                                               added("services.api.limits.new_sources.rate", "500/s"),
                                               added("services.api.limits.new_sources.syn_share", "0.25"),
                                               changed("services.api.dry_run", "false", "true")));
}

TEST(Diff, WholeServicesComeAndGo) {
  const Policy before = policy_of({service("old", {"tcp/1"}, {"192.0.2.1"})});
  const Policy after = policy_of({default_service("rest")});
  EXPECT_THAT(
      diff(before, after),
      ElementsAre(removed("services.old.match", "tcp/1"), removed("services.old.addresses", "192.0.2.1"),
                  removed("services.old.limits.packets.rate", "100/s"), removed("services.old.dry_run", "false"),
                  added("services.rest.default", "true"), added("services.rest.limits.packets.rate", "100/s"),
                  added("services.rest.dry_run", "false")));
}

TEST(Diff, InspectionIsPartOfItsService) {
  Policy before = policy_of({service("api", {"tcp/1"})});
  Policy after = before;
  before.services[0].inspection.session = IdentityField{IdentityField::Where::kCookie, "sid"};
  after.services[0].inspection.tls = true;
  after.services[0].inspection.session = IdentityField{IdentityField::Where::kHeader, "x-session"};
  after.services[0].inspection.account = IdentityField{IdentityField::Where::kBasic, ""};
  EXPECT_THAT(diff(before, after), ElementsAre(added("services.api.tls.inspect", "true"),
                                               changed("services.api.session", "cookie sid", "header x-session"),
                                               added("services.api.account", "basic")));
}

TEST(Diff, TheRestOfThePolicyInTheOrderOfTheDocument) {
  Policy before = policy_of({});
  before.safelist = {{prefix("192.0.2.10"), {}, {}, {}}};
  before.kept = {{"rules.scan", "{for: 1h}"}};
  Policy after = policy_of({});
  after.interfaces.push_back({.name = "eth1", .mode = AttachMode::kGeneric, .location = {}});
  after.enforce = false;
  after.safelist = {{prefix("192.0.2.10"), per_second(5), {}, {}}, {prefix("192.0.2.10"), {}, "eth0", {}}};
  after.trusted_proxies = {{prefix("198.51.100.0/24"), {}, {}}};
  after.replies = limit(10);
  after.ipv4_prefix = 24;
  after.drop_malformed = false;
  after.drop_non_first_fragments = true;
  after.kept = {{"rules.scan", "{for: 2h}"}};
  EXPECT_THAT(
      diff(before, after),
      ElementsAre(added("interfaces.eth1", "generic"), changed("enforce", "true", "false"),
                  changed("safelist.192.0.2.10", "default ceiling", "ceiling 5/s"),
                  added("safelist.192.0.2.10@eth0", "default ceiling"),
                  added("trusted_proxies.198.51.100.0/24", "default ceiling"), added("replies.packets.rate", "10/s"),
                  changed("sources.ipv4_prefix", "32", "24"), changed("malformed", "drop", "pass"),
                  changed("fragments.non_first", "pass", "drop"), changed("rules.scan", "{for: 1h}", "{for: 2h}")));
}

TEST(Diff, BackwardsIsTheMirror) {
  const Policy a = policy_of({service("a", {"tcp/1"})});
  const Policy b = policy_of({service("a", {"tcp/2"}), service("b", {"tcp/1"})});
  const auto there = diff(a, b);
  const auto back = diff(b, a);
  ASSERT_EQ(there.size(), back.size());
  for (std::size_t i = 0; i < there.size(); ++i) {
    EXPECT_EQ(there[i].path, back[i].path);
    EXPECT_EQ(there[i].before, back[i].after);
  }
}

}  // namespace
}  // namespace tidegate::policy
