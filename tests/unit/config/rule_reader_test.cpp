// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/config/issues.hpp"

namespace tidegate::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kThen = "then: {action: block, for: 1h}";
constexpr const char* kWhen = "when: {count: 10, within: 1m}";

// A policy with a service `web` that names sessions, one `dns` that does not, and this rule in line 5.
std::string rule(const std::string& inside) {
  return "version: 1\nservices:\n  - {name: web, match: [tcp/443], tls: {inspect: true}, session: {cookie: sid}}\n"
         "  - {name: dns, match: [tcp/53], http: {inspect: true}}\nrules: [{name: r, " +
         inside + "}]\n";
}

std::string rule_issues(const std::string& inside) { return read_issues(rule(inside)); }

std::string when_issues(const std::string& when) { return rule_issues("when: " + when + ", " + kThen); }

std::string then_issues(const std::string& then) { return rule_issues(std::string(kWhen) + ", then: " + then); }

TEST(Rules, AreKeptAndRead) {
  const ParsedPolicy parsed =
      read_policy(rule(std::string("service: web, key: [source, session], ") + kWhen + ", " + kThen));
  EXPECT_EQ(issues_of(parsed.issues), "");
  EXPECT_THAT(parsed.policy.not_enforced, IsEmpty());
  ASSERT_EQ(parsed.rules.rules.size(), 1U);
  EXPECT_EQ(parsed.rules.rules[0].key, behavior::kBySource | behavior::kBySession);
  EXPECT_EQ(parsed.policy.kept.back().path, "rules.r");
}

TEST(Rules, WhoseKeyNamesNobodyAreNotEnforced) {
  const auto not_enforced = [](const std::string& key) {
    return read_policy(rule("key: " + key + ", " + kWhen + ", " + kThen)).policy.not_enforced;
  };
  EXPECT_THAT(not_enforced("ja4"), ElementsAre("rules.r: a ja4 alone names nobody, its decisions are reported only"));
  for (const char* key : {"session", "account", "[session, ja4]", "[source, ja4]"}) {
    EXPECT_THAT(not_enforced(key), IsEmpty()) << key;
  }
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
  for (const char* good :
       {"{sum: response_bytes, over: 1MB, within: 1m}", "{after: [{path: /a}, {path: /b}], within: 1m}",
        "{after: {path: /a}, within: 1m, count: 2}", "{distinct: template, over: 1, within: 30d}"}) {
    EXPECT_EQ(when_issues(good), "") << good;
  }
  EXPECT_THAT(when_issues("{sum: bytes, over: 1MB, within: 1m}"), HasSubstr("unknown 'bytes'"));
  EXPECT_THAT(when_issues("{sum: request_bytes, over: many, within: 1m}"), HasSubstr("'many' is not a size"));
  EXPECT_THAT(when_issues("{after: [], within: 1m}"), HasSubstr("after has to have 1 to 8 steps"));
  EXPECT_THAT(when_issues("{count: 1, within: 31d}"), HasSubstr("within is longer than 30d"));
  EXPECT_THAT(when_issues("{distinct: path, over: 2000000, within: 1m}"), HasSubstr("from 1 to 1000000"));
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

TEST(Rules, NeedADescriptionToAskWhatItSays) {
  const std::string rest = std::string(", ") + kWhen + ", " + kThen;
  EXPECT_THAT(rule_issues("service: web, match: {api: unknown_path}" + rest),
              HasSubstr("service web has no `openapi`, so the rule can never fire"));
  EXPECT_THAT(rule_issues("service: web, match: {operation: getUser}" + rest), HasSubstr("has no `openapi`"));
  EXPECT_THAT(rule_issues("match: {api: any}" + rest), HasSubstr("warning: "))
      << "a rule of a pack, which has to fit many policies";
  EXPECT_EQ(rule_issues("service: web, match: {any: [{api: any}, {path: /x}]}" + rest), "");
  EXPECT_THAT(rule_issues("match: {api: unknown}" + rest), HasSubstr("unknown 'unknown'; known are any, unknown_path"));
}

TEST(Rules, OfServicesThatNobodyLooksIntoNeverFire) {
  const std::string rest = std::string(kWhen) + ", " + kThen + "}]\n";
  EXPECT_THAT(read_issues("version: 1\nservices: [{name: a, match: [tcp/80]}]\nrules: [{name: r, service: a, " + rest),
              HasSubstr("3:28: rule r: service a is not inspected, so the rule can never fire"));
  EXPECT_THAT(read_issues("version: 1\nrules: [{name: r, " + rest), HasSubstr("2:9: rule r: no service is inspected"));
}

TEST(Rules, WhoseRequestsCannotBeAreErrors) {
  const auto never = [](const std::string& inside) { return rule_issues(inside + ", " + kThen); };
  EXPECT_THAT(never("match: {status: 404, not: {status: 4xx}}, " + std::string(kWhen)),
              HasSubstr("5:9: rule r can never fire: no request fulfils all of its `match`"));
  EXPECT_THAT(never("match: {all: [{method: GET}, {method: POST}]}, " + std::string(kWhen)), HasSubstr("no request"));
  EXPECT_THAT(never("match: {status: 2xx}, when: {ratio: {status: 404}, over: 0.5, min: 1, within: 1m}"),
              HasSubstr("no request of its `match` fulfils `ratio`"));
  EXPECT_THAT(never("match: {status: [404, 403]}, when: {distinct: status, over: 2, within: 1m}"),
              HasSubstr("at most 2 different values of status"));
  EXPECT_THAT(never("match: {path: [/a, /b]}, when: {distinct: path, over: 2, within: 1m}"),
              HasSubstr("at most 2 different values of path"));
  EXPECT_THAT(never("when: {distinct: source, over: 2, within: 1m}"), HasSubstr("each key has one source only"));
  EXPECT_THAT(never("when: {distinct: account, over: 2, within: 1m}"), HasSubstr("no service has a `account` section"));
  EXPECT_EQ(never("match: {status: [404, 403]}, when: {distinct: status, over: 1, within: 1m}"), "");
  EXPECT_EQ(never("match: {any: [{status: 404}, {method: GET}], not: {status: 404}}, " + std::string(kWhen)), "");
}

TEST(Rules, AboutEventsAskForWhatTheseHave) {
  const auto issues = [](const std::string& inside) { return rule_issues(inside + ", " + kThen); };
  const std::string when = kWhen;
  EXPECT_EQ(issues("match: {event: handshake, sni: a.example}, " + when), "");
  EXPECT_EQ(issues("match: {event: [stalled, request], path: /a, status: none}, " + when), "");
  EXPECT_EQ(issues("match: {event: unread, status: 2xx, path: /a}, " + when), "");
  EXPECT_EQ(issues("match: {reset: true, http: 2}, " + when), "");
  EXPECT_THAT(issues("match: {event: handshakes}, " + when), HasSubstr("did you mean 'handshake'?"));
  EXPECT_THAT(issues("match: {event: {over: 1}}, " + when), HasSubstr("request, handshake, stalled or unread"));
  EXPECT_THAT(issues("match: {reset: yes}, " + when), HasSubstr("unknown 'yes'"));
  for (const char* match :
       {"{event: handshake, status: 404}", "{event: stalled, status: 2xx}", "{event: handshake, path: /a}",
        "{event: handshake, request_bytes: {under: 1kB}}", "{event: handshake, reset: false}",
        "{all: [{event: handshake}, {event: stalled}]}", "{event: stalled, not: {event: stalled}}"}) {
    EXPECT_THAT(issues("match: " + std::string(match) + ", " + when), HasSubstr("no request fulfils all of")) << match;
  }
  EXPECT_EQ(issues("match: {event: handshake, user_agent: {missing: true}}, " + when), "");
  EXPECT_THAT(issues("match: {event: handshake}, key: session, " + when), HasSubstr("a handshake has no session"));
  EXPECT_THAT(issues("match: {event: handshake}, when: {distinct: path, over: 2, within: 1m}"),
              HasSubstr("a handshake has no path"));
  EXPECT_THAT(issues("match: {event: handshake}, when: {sum: response_bytes, over: 2kB, within: 1m}"),
              HasSubstr("a handshake has no size"));
  EXPECT_THAT(issues("match: {path: /a}, when: {ratio: {event: handshake}, over: 0.5, min: 9, within: 1m}"),
              HasSubstr("no request of its `match` fulfils `ratio`"));
  EXPECT_EQ(
      issues("match: {event: [request, handshake]}, when: {ratio: {event: handshake}, over: 0.5, min: 9, within: 1m}"),
      "");
}

TEST(Rules, RepeatWhatThereIs) {
  const auto repeat = [](const std::string& more, const std::string& other = "key: source") {
    return read_issues(
        "version: 1\nservices:\n  - {name: web, match: [tcp/443], tls: {inspect: true}, session: {cookie: s}}\n"
        "rules:\n  - {name: r, " +
        more + ", " + kThen + "}\n  - {name: other, " + other + ", " + kWhen + ", " + kThen + "}\n");
  };
  EXPECT_EQ(repeat("when: {repeat: other, count: 2, within: 1d}"), "");
  EXPECT_EQ(repeat("when: {repeat: [other], count: 2, within: 1d}", "key: [source, session]"), "");
  EXPECT_THAT(repeat("when: {repeat: nobody, count: 2, within: 1d}"), HasSubstr("no rule is named 'nobody'"));
  EXPECT_THAT(repeat("when: {repeat: r, count: 2, within: 1d}"), HasSubstr("is a repeat itself"));
  EXPECT_THAT(repeat("when: {repeat: other, count: 2, within: 1d}", "key: session"), HasSubstr("knows no source"));
  EXPECT_THAT(repeat("match: {path: /a}, when: {repeat: other, count: 2, within: 1d}"), HasSubstr("leave out match"));
}

// Line 6 is the repeat.
std::string repeat_issues(const std::string& then_of_other, const std::string& when, const std::string& more = "") {
  return read_issues(
      "version: 1\nservices:\n  - {name: web, match: [tcp/443], tls: {inspect: true}}\nrules:\n"
      "  - {name: other, when: {count: 1, within: 1m}, then: " +
      then_of_other + "}\n  - {name: r, " + more + "when: " + when + ", then: {action: block, for: 1h}}\n");
}

TEST(Rules, ThatRepeatShadowsOnlyAreWarnedOf) {
  const std::string shadow = "{action: block, for: 1m, mode: shadow}";
  EXPECT_EQ(repeat_issues(shadow, "{repeat: other, count: 2, within: 1h}"),
            "6:5: warning: rule r does not fire: all that it repeats is in shadow mode, which counts for rules in "
            "shadow mode "
            "only\n");
  EXPECT_EQ(repeat_issues("{action: block, for: 1m}", "{repeat: other, count: 2, within: 1h}"), "");
}

TEST(Rules, ThatRepeatMoreThanThereCanBeAreErrors) {
  EXPECT_EQ(repeat_issues("{action: monitor, for: 10m}", "{repeat: other, count: 6, within: 1h}"), "");
  EXPECT_EQ(
      repeat_issues("{action: monitor, for: 10m}", "{repeat: other, count: 7, within: 1h}"),
      "6:5: rule r can never fire: with their cool-downs what it repeats decides at most 6 times within 1h on one "
      "key, and it counts 7\n");
  EXPECT_EQ(repeat_issues("{action: monitor, for: 10m, cooldown: 5m}", "{repeat: other, count: 7, within: 1h}"), "");
  // Of whom the safelist or a guard spares there are more.
  EXPECT_THAT(repeat_issues("{action: block, for: 10m}", "{repeat: other, count: 7, within: 1h}"),
              HasSubstr("6:5: warning: rule r does not fire: with their cool-downs"));
  EXPECT_THAT(repeat_issues("{action: block, for: 10m}", "{repeat: other, count: 61, within: 1h}"),
              HasSubstr("6:5: rule r can never fire: with their cool-downs"));
}

TEST(Rules, WhoseNumbersCannotBeAreErrors) {
  EXPECT_THAT(rule_issues(std::string("match: {grpc_status: {over: 16}}, ") + kWhen + ", " + kThen),
              HasSubstr("5:40: rule r: match grpc_status: no value is over 16"));
  EXPECT_THAT(rule_issues(std::string("match: {duration: {under: 0s}}, ") + kWhen + ", " + kThen), HasSubstr("5:"));
  EXPECT_EQ(rule_issues(std::string("match: {grpc_status: {over: 15}}, ") + kWhen + ", " + kThen), "");
}

TEST(Rules, DoNotKnowIdentitiesForLongerThanADay) {
  const auto keyed = [](const std::string& key, const std::string& within) {
    return rule_issues("key: " + key + ", when: {count: 1, within: " + within + "}, " + kThen);
  };
  EXPECT_THAT(keyed("session", "25h"), HasSubstr("within is longer than 24h"));
  EXPECT_EQ(keyed("session", "24h"), "");
  EXPECT_EQ(keyed("source", "25h"), "");
  EXPECT_THAT(keyed("[source, source]", "1h"), HasSubstr("has source twice"));
}

// Each would be counted again under every day's hash.
TEST(Rules, DoNotCountIdentitiesForLongerThanADay) {
  const auto counted = [](const std::string& field, const std::string& within) {
    return when_issues("{distinct: " + field + ", over: 9, within: " + within + "}");
  };
  EXPECT_THAT(counted("session", "25h"), HasSubstr("5:25: rule r: when within is longer than 24h"));
  EXPECT_EQ(counted("session", "24h"), "");
  EXPECT_EQ(counted("path", "25h"), "");
}

TEST(Rules, MatchersHaveTheirOperators) {
  const auto match = [](const std::string& text) {
    return rule_issues("match: " + text + ", " + kWhen + ", " + kThen);
  };
  EXPECT_THAT(match("{path: {regex: \"(\"}}"), HasSubstr("no expression of RE2"));
  EXPECT_THAT(match("{path: {regex: \"(a{1000}){1000}\"}}"), HasSubstr("no expression of RE2"));
  EXPECT_THAT(match("{path: {regexp: a}}"), HasSubstr("did you mean 'regex'?"));
  EXPECT_THAT(match("{path: {}}"), HasSubstr("path is empty; it takes regex"));
  EXPECT_THAT(match("{path: []}"), HasSubstr("path is empty and would match nothing"));
  EXPECT_THAT(match("{request_bytes: 5}"), HasSubstr("needs one of over, under, for example `{over: 1MB}`"));
  EXPECT_THAT(match("{duration: {over: 5}}"), HasSubstr("is not a duration"));
  EXPECT_THAT(match("{duration: {over: 1m, under: 30s}}"), HasSubstr("no value is over the one and under the other"));
  EXPECT_THAT(match("{method: {regex: a}}"), HasSubstr("has to be a value or a list of them"));
  EXPECT_THAT(match("{tls: \"1.4\"}"), HasSubstr("tls: unknown '1.4'"));
  EXPECT_THAT(match("{grpc_status: 17}"), HasSubstr("from 0 to 16"));
  EXPECT_THAT(match("{user_agent: {missing: maybe}}"), HasSubstr("neither true nor false"));
  EXPECT_THAT(match("{not: []}"), HasSubstr("not is empty; leave it out"));
  EXPECT_EQ(match("{status: [none, 5xx], user_agent: {missing: true}, query: {regex: [a, b]}, http: \"2\"}"), "");
}

TEST(Rules, AreBoundedInDepthAndNumber) {
  std::string deep = "{method: GET}";
  for (int i = 0; i < 7; ++i) deep = "{not: " + deep + "}";
  const std::string rest = std::string(", ") + kWhen + ", " + kThen;
  EXPECT_EQ(rule_issues("match: " + deep + rest), "");
  EXPECT_THAT(rule_issues("match: {not: " + deep + "}" + rest), HasSubstr("more than 8 deep"));
  std::string many;
  for (int i = 0; i < 257; ++i) many += std::string(i == 0 ? "" : ", ") + "{path: /" + std::to_string(i) + "}";
  EXPECT_THAT(rule_issues("match: {any: [" + many + "]}" + rest), HasSubstr("more than 256 matchers"));
}

TEST(Behavior, IsChecked) {
  const auto behavior = [](const std::string& text) { return read_issues("version: 1\nbehavior: " + text + "\n"); };
  EXPECT_EQ(behavior("{memory: 64MB, cap: 300/m, nat_guard: {share: 0.5, min: 2, within: 10m}}"), "");
  EXPECT_THAT(behavior("{memory: 1kB}"), HasSubstr("memory has to be from 1MB to 16GB"));
  EXPECT_THAT(behavior("{nat_guard: {min: 9}}"), HasSubstr("from 0 to 8"));
  EXPECT_THAT(behavior("{nat_guard: {shard: 1}}"), HasSubstr("did you mean 'share'?"));
  EXPECT_THAT(behavior("{caps: 1/s}"), HasSubstr("did you mean 'cap'?"));
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
  EXPECT_EQ(
      then_issues("{action: block, for: 1h, cooldown: 5m, cap: 10/h, escalate: {factor: 2, max: 1d, memory: 7d}}"), "");
  EXPECT_THAT(then_issues("{action: block, for: 1h, cap: 10}"), HasSubstr("cap: "));
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
