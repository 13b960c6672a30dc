// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/issues.hpp"

namespace tidegate::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kThen = "then: {action: block, for: 1h}";
constexpr const char* kWhen = "when: {count: 10, within: 1m}";

// A policy with a service `web` that names sessions, one `dns` that does not, and this rule in line 5.
std::string rule(const std::string& inside) {
  return "version: 1\nservices:\n  - {name: web, match: [tcp/443], session: {cookie: sid}}\n"
         "  - {name: dns, match: [udp/53]}\nrules: [{name: r, " +
         inside + "}]\n";
}

std::string rule_issues(const std::string& inside) { return read_issues(rule(inside)); }

std::string when_issues(const std::string& when) { return rule_issues("when: " + when + ", " + kThen); }

std::string then_issues(const std::string& then) { return rule_issues(std::string(kWhen) + ", then: " + then); }

TEST(Rules, AreKeptAndNotEnforced) {
  const ParsedPolicy parsed =
      read_policy(rule(std::string("service: web, key: [source, session], ") + kWhen + ", " + kThen));
  EXPECT_EQ(issues_of(parsed.issues), "");
  EXPECT_THAT(parsed.policy.not_enforced, ElementsAre("rules"));
  EXPECT_EQ(parsed.policy.kept.back().path, "rules.r");
}

TEST(Rules, NeedWhenAndThen) {
  EXPECT_EQ(rule_issues(kThen), "5:9: rule r has no 'when'\n");
  EXPECT_EQ(rule_issues(kWhen), "5:9: rule r has no 'then'\n");
  EXPECT_THAT(read_issues("version: 1\nrules: [{}]\n"), HasSubstr("a rule has no 'name'"));
}

TEST(Rules, UnknownKeysAreErrors) {
  EXPECT_THAT(rule_issues(std::string("wehn: 1, ") + kWhen + ", " + kThen),
              HasSubstr("unknown key 'wehn' in rule r; did you mean 'when'?"));
  EXPECT_THAT(rule_issues(std::string("match: {metod: GET}, ") + kWhen + ", " + kThen),
              HasSubstr("did you mean 'method'?"));
  EXPECT_THAT(when_issues("{count: 1, within: 1m, over: 3}"), HasSubstr("unknown key 'over'"));
  EXPECT_THAT(then_issues("{action: block, for: 1h, forever: 1}"), HasSubstr("unknown key 'forever'"));
}

TEST(Rules, NamesAreUnique) {
  const std::string one = std::string("{name: r, ") + kWhen + ", " + kThen + "}";
  EXPECT_THAT(read_issues("version: 1\nrules:\n - " + one + "\n - " + one + "\n"),
              HasSubstr("4:4: rule r is there twice, first at 3:4"));
}

TEST(Rules, EveryConditionIsChecked) {
  for (const char* good : {"{count: 1, within: 1s}", "{distinct: path, over: 30, within: 1m}",
                           "{ratio: {status: [401, 4xx]}, over: 0.9, min: 5, within: 5m}",
                           "{without: {method: POST, path: /x, status: 2xx}, within: 30m, count: 3}"}) {
    EXPECT_EQ(when_issues(good), "") << good;
  }
  EXPECT_THAT(when_issues("{count: 10}"), HasSubstr("when has no 'within'"));
  EXPECT_THAT(when_issues("{within: 1m}"), HasSubstr("when has no 'count'"));
  EXPECT_THAT(when_issues("{count: 0, within: 1m}"), HasSubstr("'0' is not a whole number"));
  EXPECT_THAT(when_issues("{count: 1, within: 1 minute}"), HasSubstr("is not a duration"));
  EXPECT_THAT(when_issues("{count: 1, within: 60}"), HasSubstr("is not a duration"));
  EXPECT_THAT(when_issues("{distinct: cookie, over: 1, within: 1m}"), HasSubstr("unknown 'cookie'"));
  EXPECT_THAT(when_issues("{ratio: {status: 401}, over: 0.5, within: 1m}"), HasSubstr("has no 'min'"));
  EXPECT_THAT(when_issues("{ratio: {}, over: 0.5, min: 1, within: 1m}"), HasSubstr("ratio is empty"));
  EXPECT_THAT(when_issues("{distinct: path, ratio: {status: 1xx}, over: 1, within: 1m}"),
              HasSubstr("more than one of"));
}

TEST(Rules, ThatCanNeverFireAreErrors) {
  EXPECT_THAT(when_issues("{ratio: {status: 401}, over: 1.0, min: 5, within: 5m}"), HasSubstr("over 1 can never fire"));
  const std::string rest = std::string(", ") + kWhen + ", " + kThen;
  EXPECT_THAT(
      rule_issues("service: wbe" + rest),
      HasSubstr("5:28: rule r: service: no service is named 'wbe', so the rule can never fire; did you mean 'web'?"));
  EXPECT_THAT(rule_issues("key: account" + rest),
              HasSubstr("no service has a `account` section, so the rule can never fire"));
  EXPECT_THAT(rule_issues("service: dns, key: session" + rest), HasSubstr("service dns has no `session` section"));
  EXPECT_EQ(rule_issues("service: web, key: session" + rest), "");
  EXPECT_EQ(rule_issues("key: session" + rest), "");
}

TEST(Rules, RequestMatchesAreChecked) {
  const auto match = [](const std::string& text) {
    return rule_issues("match: " + text + ", " + kWhen + ", " + kThen);
  };
  EXPECT_EQ(match("{method: [GET, POST], path: [/a, \"/b/**\"], status: [200, 5xx]}"), "");
  EXPECT_THAT(match("{method: post}"), HasSubstr("'post' is not a method such as POST"));
  EXPECT_THAT(match("{path: login}"), HasSubstr("'login' is not a path"));
  EXPECT_THAT(match("{path: \"/a?b=c\"}"), HasSubstr("is not a path"));
  for (const char* status : {"99", "600", "6xx", "4x", "4xxx", "x04", "-404"}) {
    EXPECT_THAT(match("{status: " + std::string(status) + "}"), HasSubstr("is not a status")) << status;
  }
  EXPECT_THAT(match("{status: []}"), HasSubstr("status is empty and would match nothing"));
}

TEST(Rules, ActionsAreChecked) {
  EXPECT_EQ(then_issues("{action: limit, packets: 5/s, bytes: 1MB/s, for: 30m, mode: shadow}"), "");
  EXPECT_EQ(then_issues("{action: block, for: 10m, escalate: {factor: 2, max: 24h}}"), "");
  EXPECT_THAT(then_issues("{action: ban, for: 1h}"), HasSubstr("unknown 'ban'; known are block, limit, monitor"));
  EXPECT_THAT(then_issues("{action: block}"), HasSubstr("then has no 'for'"));
  EXPECT_THAT(then_issues("{action: limit, for: 1h}"), HasSubstr("a limit needs packets, bytes or both"));
  EXPECT_THAT(then_issues("{action: block, packets: 5/s, for: 1h}"), HasSubstr("a block has no rate"));
  EXPECT_THAT(then_issues("{action: block, for: 1h, mode: test}"), HasSubstr("unknown 'test'"));
  EXPECT_THAT(then_issues("{action: block, for: 1h, escalate: {factor: 0.5, max: 2h}}"),
              HasSubstr("is not a number from 1 to 1000"));
  EXPECT_THAT(then_issues("{action: block, for: 1h, escalate: {factor: 2, max: 5m}}"),
              HasSubstr("max is shorter than `for`"));
}

TEST(Inspection, SessionsAndAccountsNameExactlyOneWay) {
  const auto service = [](const std::string& text) {
    return read_issues("version: 1\nservices: [{name: a, default: true, " + text + "}]\n");
  };
  EXPECT_EQ(service("tls: {inspect: true}, session: {jwt_claim: sub}, account: {basic: true}"), "");
  EXPECT_THAT(service("session: {cookie: a, header: b}"), HasSubstr("exactly one of cookie, header and jwt_claim"));
  EXPECT_THAT(service("session: {}"), HasSubstr("exactly one of"));
  EXPECT_THAT(service("account: {json: username}"), HasSubstr("is no JSON pointer (RFC 6901)"));
  EXPECT_THAT(service("account: {basic: false}"), HasSubstr("basic can only be true"));
  EXPECT_THAT(service("tls: {inspect: maybe}"), HasSubstr("neither true nor false"));
  EXPECT_THAT(service("tls: true"), HasSubstr("has to be a map"));
}

}  // namespace
}  // namespace tidegate::config
