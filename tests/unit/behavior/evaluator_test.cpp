// SPDX-License-Identifier: Apache-2.0
#include "agent/behavior/evaluator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/behavior/support.hpp"

namespace tidegate::behavior {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string rule(const std::string& inside) { return "{name: r, " + inside + "}"; }
constexpr const char* kOne = "when: {count: 1, within: 1m}";
constexpr const char* kBlock = "then: {action: block, for: 10m}";

TEST(Findings, SayWhatWasSeen) {
  Trial trial(
      rule("service: web, match: {status: 401}, when: {count: 4, within: 1m}, "
           "then: {action: limit, packets: 5/s, for: 30m}"));
  for (int i = 0; i < 3; ++i) {
    trial.take({.when = std::chrono::seconds(i), .path = "/login/" + std::to_string(i), .status = 401});
  }
  const auto findings = trial.take({.when = 5s, .path = "/login/3", .status = 401, .session = 9});
  ASSERT_EQ(findings.size(), 1U);
  const Finding& finding = findings[0];
  EXPECT_EQ(finding.rule, "r");
  EXPECT_EQ(finding.service, "web");
  EXPECT_EQ(finding.target->to_string(), "192.0.2.1");
  EXPECT_EQ(finding.action, ActionKind::kLimit);
  EXPECT_EQ(finding.packets, (Rate{5, 1s}));
  EXPECT_EQ(finding.duration, 30min);
  EXPECT_EQ(finding.time, kStart + 5s);
  EXPECT_FALSE(finding.key.session) << "the rule is not keyed by it";
  EXPECT_EQ(finding.evidence.observed, 4);
  EXPECT_EQ(finding.evidence.threshold, 4);
  ASSERT_EQ(finding.evidence.examples.size(), 3U);
  EXPECT_EQ(finding.evidence.examples[0].path_template, "/login/0");
  EXPECT_EQ(finding.evidence.examples[1].path_template, "/login/2");
  EXPECT_EQ(finding.evidence.examples[2].path_template, "/login/3");
  EXPECT_EQ(describe(finding),
            "4 requests (4 or more) within 1m by source 192.0.2.1; for example /login/0 at 2030-01-01T00:00:00Z, "
            "/login/2 at 2030-01-01T00:00:02Z, /login/3 at 2030-01-01T00:00:05Z");
}

TEST(Findings, AreOneLineWhateverThePathWas) {
  Trial trial(rule(std::string(kOne) + ", " + kBlock));
  const auto findings = trial.take({.path = "/\n\x1b[2J\xff" + std::string(3000, 'a')});
  ASSERT_EQ(findings.size(), 1U);
  const std::string text = describe(findings[0]);
  EXPECT_LE(text.size(), 1000U);
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' || c < 0; }));
  EXPECT_THAT(text, HasSubstr("/??[2J?aaa"));
}

TEST(Keys, AreCombined) {
  Trial trial(rule("service: web, key: [source, account], when: {count: 2, within: 1m}, " + std::string(kBlock)));
  EXPECT_THAT(trial.fire({.account = 1}), IsEmpty());
  EXPECT_THAT(trial.fire({.account = 2}), IsEmpty());
  EXPECT_THAT(trial.fire({.source = "192.0.2.2", .account = 1}), IsEmpty());
  EXPECT_THAT(trial.fire({}), IsEmpty()) << "without an account it does not count";
  EXPECT_THAT(trial.fire({.account = 1}), ElementsAre("r!"));
}

TEST(Keys, GroupSourcesAsThePolicyDoes) {
  Trial trial(rule("when: {count: 2, within: 1m}, " + std::string(kBlock)), "sources: {ipv4_prefix: 24}\n");
  trial.take({.source = "192.0.2.1"});
  const auto findings = trial.take({.source = "192.0.2.77"});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].target->to_string(), "192.0.2.0/24");
}

TEST(Keys, ThatNameNoAddressCannotBeEnforced) {
  Trial trial(rule(std::string("key: ja4, ") + kOne + ", " + kBlock));
  const auto findings = trial.take({});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].obstacle, Obstacle::kNoAddress);
  EXPECT_FALSE(findings[0].enforced());
}

TEST(Services, AreTheOnlyOnesThatTheirRulesSee) {
  Trial trial("{name: w, service: web, " + std::string(kOne) + ", " + kBlock + "}, {name: any, " + kOne + ", " +
              kBlock + "}");
  EXPECT_THAT(trial.fire({.service = "api"}), ElementsAre("any!"));
  EXPECT_THAT(trial.fire({.source = "192.0.2.2", .service = "web"}), ElementsAre("w!", "any!"));
}

TEST(TrustedProxies, GiveTheirClientsButAreNotBlocked) {
  Trial trial(rule("when: {count: 2, within: 1m}, " + std::string(kBlock)), "trusted_proxies: [198.51.100.0/24]\n");
  const Request client{.source = "198.51.100.1", .proxied = "192.0.2.50"};
  EXPECT_THAT(trial.fire({.source = "198.51.100.1", .proxied = "192.0.2.51"}), IsEmpty());
  EXPECT_THAT(trial.fire(client), IsEmpty());
  const auto findings = trial.take(client);
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].target->to_string(), "192.0.2.50");
  EXPECT_EQ(findings[0].obstacle, Obstacle::kTrustedProxy);
  EXPECT_FALSE(findings[0].enforced());
  EXPECT_THAT(describe(findings[0]), HasSubstr("not enforced: behind a trusted proxy"));
}

TEST(TrustedProxies, ThatNameNobodyAreNoSource) {
  Trial trial(rule(std::string(kOne) + ", " + kBlock), "trusted_proxies: [198.51.100.0/24, \"2001:db8::/32\"]\n");
  EXPECT_THAT(trial.fire({.source = "198.51.100.1"}), IsEmpty());
  EXPECT_THAT(trial.fire({.source = "2001:db8::7"}), IsEmpty());
  EXPECT_THAT(trial.fire({.source = "198.51.101.1"}), ElementsAre("r!"));
}

TEST(PrefixSets, KeepFamiliesApart) {
  const PrefixSet set({Prefix::parse("::/0").value(), Prefix::parse("192.0.2.0/24").value(),
                       Prefix::parse("192.0.2.0/25").value(), Prefix::parse("198.51.100.7").value()});
  EXPECT_TRUE(set.contains(Address::parse("2001:db8::1").value()));
  EXPECT_TRUE(set.contains(Address::parse("192.0.2.200").value()));
  EXPECT_TRUE(set.contains(Address::parse("198.51.100.7").value()));
  EXPECT_FALSE(set.contains(Address::parse("198.51.100.8").value()));
  EXPECT_FALSE(PrefixSet({Prefix::parse("::/0").value()}).contains(Address::parse("192.0.2.1").value()));
  EXPECT_FALSE(PrefixSet({Prefix::parse("0.0.0.0/0").value()}).contains(Address::parse("2001:db8::1").value()));
}

TEST(Safelist, IsAskedBeforeAnythingIsEnforced) {
  const auto office = Prefix::parse("192.0.2.1").value();
  Trial trial(rule(std::string(kOne) + ", " + kBlock), "", [&](const Prefix& source) { return source == office; });
  const auto findings = trial.take({.source = "192.0.2.1"});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].obstacle, Obstacle::kSafelisted);
  EXPECT_THAT(trial.fire({.source = "192.0.2.2"}), ElementsAre("r!"));
}

TEST(Forged, RequestsAndEventsCountForNothing) {
  using inspect::SummaryKind;
  Trial trial(rule("match: {event: [request, handshake, stalled, unread]}, when: {count: 3, within: 1h}, " +
                   std::string(kBlock)));
  trial.take({});
  trial.take({});
  for (const auto kind :
       {SummaryKind::kRequest, SummaryKind::kHandshake, SummaryKind::kStalled, SummaryKind::kUnread}) {
    EXPECT_THAT(trial.fire({.when = 2h, .kind = kind, .proven = false}), IsEmpty());
  }
  EXPECT_EQ(trial.evaluator.statistics().unproven, 4U);
  EXPECT_EQ(trial.evaluator.statistics().summaries, 6U);
  EXPECT_EQ(trial.evaluator.statistics_of(0).matched, 2U);
  EXPECT_THAT(trial.fire({.when = 1s}), ElementsAre("r!")) << "the time is none of theirs either";
}

// Sessions that behave well spare an address; forged ones could spare an attacker's, too.
TEST(Forged, SessionsSpareNobody) {
  const std::string guarded = rule("key: session, when: {count: 2, within: 1m}, " + std::string(kBlock));
  const auto obstacle = [&](bool proven) {
    Trial trial(guarded);
    for (unsigned i = 10; i < 30; ++i) trial.take({.session = i, .proven = proven});
    trial.take({.when = 1s, .session = 1});
    const auto findings = trial.take({.when = 1s, .session = 1});
    return findings.empty() ? Obstacle::kNone : findings[0].source_obstacle;
  };
  EXPECT_EQ(obstacle(true), Obstacle::kNatGuard);
  EXPECT_EQ(obstacle(false), Obstacle::kNone);
}

TEST(Time, ThatLiesFarBackIsNotCounted) {
  Trial trial(rule("when: {count: 2, within: 1d}, " + std::string(kBlock)));
  trial.take({.when = 1h});
  EXPECT_THAT(trial.fire({.when = 40min}), IsEmpty());
  EXPECT_EQ(trial.evaluator.statistics().late, 1U);
  EXPECT_THAT(trial.fire({.when = 55min}), ElementsAre("r!")) << "a little disorder is";
}

TEST(Time, CanBeForgotten) {
  Trial trial(rule("when: {count: 2, within: 1d}, " + std::string(kBlock)));
  trial.take({.when = 10000h});
  trial.evaluator.forget();
  EXPECT_THAT(trial.fire({.when = 0s}), IsEmpty());
  EXPECT_THAT(trial.fire({.when = 1s}), ElementsAre("r!"));
}

TEST(Time, OfHostileSummariesOverflowsNothing) {
  Trial trial(rule("when: {count: 2, within: 1d}, " + std::string(kBlock)));
  auto summary = summary_of({});
  std::vector<Finding> findings;
  for (const std::int64_t began : {INT64_MIN, INT64_MAX, std::int64_t{0}}) {
    for (const std::int64_t duration : {INT64_MIN, INT64_MAX, std::int64_t{0}}) {
      summary.began = WallTime(std::chrono::nanoseconds(began));
      summary.duration = std::chrono::nanoseconds(duration);
      summary.response_bytes = UINT64_MAX;
      trial.evaluator.take(summary, findings);
    }
  }
  EXPECT_EQ(trial.evaluator.statistics().summaries, 9U);
}

// A day of random traffic: twice the same, whatever the seed of the hashes.
std::string decisions_of(const RuleSet& rules, const HashSeed& seed) {
  Evaluator evaluator(rules, seed);
  std::mt19937 random(4);
  std::string text;
  std::chrono::nanoseconds now{0};
  for (int i = 0; i < 20'000; ++i) {
    now += std::chrono::milliseconds(random() % 500);
    const auto who = static_cast<unsigned>(random() % 50);
    std::vector<Finding> findings;
    evaluator.take(summary_of({.when = now,
                               .source = "192.0.2." + std::to_string(who),
                               .path = "/" + std::to_string(random() % (who + 1)),
                               .status = static_cast<std::uint16_t>(random() % 3 == 0 ? 404 : 200),
                               .session = static_cast<unsigned>(random() % 30)}),
                   findings);
    for (const Finding& finding : findings) text += finding.rule + " " + describe(finding) + "\n";
  }
  return text;
}

TEST(Replays, OfTheSameSummariesGiveTheSameDecisions) {
  const RuleSet rules = rules_of(
      "{name: a, match: {status: 404}, when: {count: 20, within: 1m}, then: {action: block, for: 1m, escalate: "
      "{factor: 2, max: "
      "1h}}}, {name: b, when: {distinct: path, over: 10, within: 5m}, then: {action: block, for: 1h, cap: 3/m}},"
      "{name: c, key: session, when: {ratio: {status: 404}, over: 0.4, min: 20, within: 5m}, then: {action: block, "
      "for: 1m}}");
  const std::string first = decisions_of(rules, {1, 2});
  EXPECT_GT(std::count(first.begin(), first.end(), '\n'), 30);
  EXPECT_EQ(first, decisions_of(rules, {1, 2}));
  EXPECT_EQ(first, decisions_of(rules, {3, 4}));
}

TEST(Memory, StaysWithinItsBudgetUnderMillionsOfSources) {
  Trial trial(
      "{name: c, match: {status: 404}, when: {count: 10, within: 1h}, then: {action: block, for: 1h}},"
      "{name: d, when: {distinct: path, over: 30, within: 1h}, then: {action: block, for: 1h}}",
      "behavior: {memory: 4MB}\n");
  auto summary = summary_of({.status = 404});
  std::vector<Finding> findings;
  // One that is close to the threshold while the flood comes.
  const auto slow = [&](int i) {
    trial.evaluator.take(
        summary_of({.when = std::chrono::seconds(i), .source = "198.51.100.1", .path = "/same", .status = 404}),
        findings);
  };
  for (int i = 0; i < 9; ++i) slow(i);
  std::uint64_t most = 0;
  for (std::uint32_t i = 0; i < 400'000; ++i) {
    summary.connection.flow.client.address = Address::from_v4(0x0a000000 + i);
    summary.path = "/" + std::to_string(i);
    summary.began = kStart + 10s + std::chrono::microseconds(i);
    trial.evaluator.take(summary, findings);
    if (i % 1024 == 0) most = std::max(most, trial.evaluator.statistics().bytes);
  }
  EXPECT_LE(most, 4'400'000U);
  EXPECT_GT(trial.evaluator.statistics().evicted, 300'000U);
  EXPECT_TRUE(findings.empty());
  slow(20);
  ASSERT_EQ(findings.size(), 1U) << "the most suspicious was kept";
  EXPECT_EQ(findings[0].target->to_string(), "198.51.100.1");
}

// What does not belong to keys is told as well, and bounded.
TEST(Memory, OfTemplatesAndForgottenStepsIsTold) {
  Trial trial(
      "{name: r, match: {path: /pay}, when: {without: {path: /checkout}, within: 1h, count: 1}, then: {action: block, "
      "for: 1h}}, {name: c, when: {count: 1000, within: 1h}, then: {action: block, for: 1h}}",
      "behavior: {memory: 1MB}\n");
  const std::uint64_t empty = trial.evaluator.statistics().bytes;
  EXPECT_GT(empty, TemplateStore::kPlaces * sizeof(std::string));
  for (int i = 0; i < 20'000; ++i) trial.take({.path = "/" + std::string(100, 'a') + std::to_string(i)});
  const std::uint64_t templates = trial.evaluator.statistics().bytes;
  EXPECT_GT(templates, empty + TemplateStore::kPlaces * 90);
  EXPECT_LT(templates, empty + TemplateStore::kPlaces * 270);
  for (std::uint32_t i = 0; i < 20'000; ++i)
    trial.take({.source = Address::from_v4(0x0a000000 + i).to_string(), .path = "/checkout"});
  EXPECT_GT(trial.evaluator.statistics().evicted, 0U);
  EXPECT_LT(trial.evaluator.statistics().bytes, 1'000'000 + 2'500'000 + 16'384U);
}

TEST(Memory, OfOneKeyIsSmall) {
  Trial trial("{name: c, when: {count: 1000, within: 1h}, then: {action: block, for: 1h}}");
  std::vector<Finding> findings;
  constexpr std::uint32_t kSources = 20'000;
  for (std::uint32_t i = 0; i < kSources * 20; ++i) {
    auto summary = summary_of({.when = std::chrono::microseconds(i)});
    summary.connection.flow.client.address = Address::from_v4(0x0a000000 + i % kSources);
    trial.evaluator.take(summary, findings);
  }
  const auto statistics = trial.evaluator.statistics();
  EXPECT_EQ(statistics.keys, kSources);
  EXPECT_LE(64 + 176, 256) << "a slot and all that hangs on it";
  EXPECT_LE(statistics.bytes / statistics.keys, 320U) << "empty slots included";
}

const Request kInjection{
    .status = 500, .session = 4, .kind = inspect::SummaryKind::kPayload, .attacks = inspect::kAttackSql};

TEST(Payloads, AreSeenByRulesThatAskForThemAlone) {
  Trial trial(
      "{name: every, when: {count: 1, within: 1m}, then: {action: block, for: 10m}}, "
      "{name: attacks, match: {attack: any}, when: {count: 1, within: 1m}, then: {action: block, for: 10m}}, "
      "{name: share, when: {ratio: {attack: sqli}, over: 0.5, min: 1, within: 1m}, then: {action: block, for: 10m}}, "
      "{name: none, match: {not: {attack: any}}, when: {count: 1, within: 1m}, then: {action: block, for: 10m}}");
  EXPECT_THAT(trial.fire({.source = "192.0.2.1"}), ElementsAre("every!", "none!")) << "a request as any other";
  Request found = kInjection;
  found.source = "192.0.2.2";
  EXPECT_THAT(trial.fire(found), ElementsAre("attacks!", "share!"));
  EXPECT_EQ(trial.evaluator.statistics_of(0).matched, 1U) << "the request was counted when it was told of";
  EXPECT_EQ(trial.evaluator.statistics_of(1).matched, 1U);
}

TEST(Payloads, CanBeMatchedWithTheRestOfTheRequest) {
  Trial trial(
      rule("match: {attack: sqli, status: 5xx}, when: {count: 2, within: 1m}, then: {action: block, for: 10m}"));
  Request refused = kInjection;
  refused.status = 403;
  EXPECT_THAT(trial.fire(refused), IsEmpty());
  EXPECT_THAT(trial.fire(kInjection), IsEmpty());
  EXPECT_THAT(trial.fire(kInjection), ElementsAre("r!"));
}

TEST(Payloads, SayNothingForASessionThatBehavesWell) {
  Trial trial(
      rule("match: {status: 401}, key: session, when: {count: 1, within: 1m}, then: {action: block, for: 10m}"));
  Request found = kInjection;
  found.status = 200;
  trial.take(found);
  EXPECT_THAT(trial.fire({.status = 401, .session = 5}), ElementsAre("r!")) << "the guard knows no other session";
}

}  // namespace
}  // namespace tidegate::behavior
