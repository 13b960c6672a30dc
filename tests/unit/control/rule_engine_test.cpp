// SPDX-License-Identifier: Apache-2.0
// Behaviour rules on live traffic: from a summary to what the datapath holds.
#include "agent/control/rule_engine.hpp"

#include <gmock/gmock.h>

#include "tests/unit/control/rule_engine_fixture.hpp"

namespace tidegate::testing {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr const char* kEscalating =
    "rules: [{name: guess, match: {status: 401}, when: {count: 3, within: 1m},"
    " then: {action: block, for: 10m, escalate: {factor: 2, max: 24h, memory: 1h}}}]\n";

// No later request comes that would show that the step is not there.
TEST_F(RuleEngineTest, JudgesWhatIsHeldBackWhenNobodyAsksMore) {
  apply(
      "rules: [{name: skip, match: {status: 401}, when: {without: {status: 200}, within: 1m, count: 1}, "
      "then: {action: block, for: 10m}}]\n");
  requests("192.0.2.99", 1, 200);
  clock_.advance(2min);
  requests("203.0.113.7", 1);
  ASSERT_EQ(decided().size(), 1U);
  EXPECT_EQ(decided().front().target.to_string(), "203.0.113.7");
}

TEST_F(RuleEngineTest, BlocksThroughStoreAndDatapath) {
  apply(kRule);
  requests("203.0.113.7", 2);
  EXPECT_TRUE(decided().empty());
  requests("203.0.113.7", 1);
  ASSERT_EQ(decided().size(), 1U);
  const auto decision = decided().front();
  EXPECT_EQ(decision.target.to_string(), "203.0.113.7");
  EXPECT_EQ(decision.action, decisions::Action::kBlock);
  EXPECT_EQ(decision.origin, "rule:guess");
  EXPECT_THAT(decision.reason,
              HasSubstr("3 requests (3 or more) within 1m by source 203.0.113.7; for example /login at "));
  EXPECT_EQ(*decision.expires, clock_.wall() + 10min);
  EXPECT_THAT(events(), HasSubstr("block 203.0.113.7 by rule:guess"));
  const auto why = controllers_->why.explain("203.0.113.7");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->verdict, "drop");
  EXPECT_THAT(why->matches.front().reason, HasSubstr("3 requests"));
  EXPECT_THAT(why->matches.front().undo, HasSubstr("tidegate decisions delete"));
}

TEST_F(RuleEngineTest, LimitsWithTheRatesOfTheRule) {
  apply(
      "rules: [{name: slow, when: {count: 1, within: 1m}, then: {action: limit, packets: 5/s, bytes: 1MB/s, for: "
      "30m}}]\n");
  requests("203.0.113.7", 1, 200);
  ASSERT_EQ(decided().size(), 1U);
  EXPECT_EQ(decided()[0].action, decisions::Action::kLimit);
  EXPECT_EQ(decided()[0].limit.packets, (Rate{5, 1s}));
  EXPECT_TRUE(decided()[0].limit.bytes.has_value());
}

TEST_F(RuleEngineTest, NeverTouchesWhatTheGuardOrTheSafelistProtect) {
  facts_.facts.push_back({Prefix::parse("203.0.113.9").value(), decisions::Fact::Kind::kSshPeer, "port 22"});
  apply(kRule);
  requests("192.0.2.10", 5);
  requests("203.0.113.9", 5);
  decisions::NewSafelistEntry monitoring;
  monitoring.prefix = Prefix::parse("203.0.113.8").value();
  ASSERT_TRUE(controllers_->safelist.add({monitoring}));
  requests("203.0.113.8", 5);
  EXPECT_TRUE(decided().empty());
  EXPECT_THAT(events(), HasSubstr("not enforced: the source is on the safelist"));
  EXPECT_THAT(events(), HasSubstr("rule:guess would block 203.0.113.9"));
}

TEST_F(RuleEngineTest, ReportsShadowsProxiesAndMonitorsAsEvents) {
  apply(
      "rules: [{name: s, when: {count: 1, within: 1m}, then: {action: block, for: 1h, mode: shadow}},"
      "{name: m, when: {count: 1, within: 1m}, then: {action: monitor, for: 1h}}]\n");
  requests("203.0.113.7", 1);
  EXPECT_TRUE(decided().empty());
  EXPECT_THAT(events(), HasSubstr("rule:s would block 203.0.113.7 for 1h: 1 requests"));
  EXPECT_THAT(events(), HasSubstr("rule:m noticed 203.0.113.7"));
}

TEST_F(RuleEngineTest, SaysWhenARuleReachedItsCap) {
  apply("rules: [{name: wild, when: {count: 1, within: 1m}, then: {action: block, for: 1h, cap: 2/m}}]\n");
  for (int i = 1; i < 6; ++i) requests("203.0.113." + std::to_string(i), 1);
  EXPECT_EQ(decided().size(), 2U);
  EXPECT_THAT(events(), HasSubstr("rules: rule wild decided 2 times within 1m"));
}

TEST_F(RuleEngineTest, CountsByRuleWhatBecameOfFindings) {
  facts_.facts.push_back({Prefix::parse("203.0.113.9").value(), decisions::Fact::Kind::kSshPeer, "port 22"});
  apply(
      "rules: [{name: wild, match: {status: 401}, when: {count: 1, within: 1m},"
      " then: {action: block, for: 1h, cap: 2/m}},"
      "{name: quiet, match: {status: 401}, when: {count: 2, within: 1m}, then: {action: block, for: 1h, mode: shadow}},"
      "{name: idle, match: {status: 503}, when: {count: 1, within: 1m}, then: {action: block, for: 1h}}]\n");
  requests("203.0.113.9", 1);  // the guard refuses it
  requests("203.0.113.1", 2);
  requests("203.0.113.2", 1);
  requests("192.0.2.10", 1);
  const auto report = controllers_->status.report().rules;
  ASSERT_EQ(report.rules.size(), 3U);
  const auto& wild = report.rules[0];
  EXPECT_EQ(wild.name, "wild");
  EXPECT_EQ(wild.matched, 5U);
  EXPECT_EQ(wild.fired, 4U);
  EXPECT_EQ(wild.enforced, 2U);
  EXPECT_EQ(wild.suppressed, 1U);
  EXPECT_EQ(wild.held_back, (control::NamedCounts{{"safelisted", 1}, {"rule_cap", 1}}));
  EXPECT_EQ(wild.last_fired, clock_.wall());
  EXPECT_EQ(report.rules[1].held_back, (control::NamedCounts{{"shadow", 1}}));
  EXPECT_FALSE(report.rules[2].last_fired);
  EXPECT_EQ(report.held_back, (control::NamedCounts{{"shadow", 1}, {"safelisted", 1}, {"rule_cap", 1}}));
  EXPECT_EQ(report.enforced, 2U);
  EXPECT_EQ(report.refused, 1U);
  EXPECT_EQ(report.summaries, 5U);
  EXPECT_GE(report.keys, 3U);
  EXPECT_GT(report.bytes, 0U);
  EXPECT_EQ(report.budget, 64'000'000U);
}

TEST_F(RuleEngineTest, SaysHowOftenRulesCountAndFire) {
  apply(kRule);
  engine_->look();
  requests("203.0.113.7", 300);
  clock_.advance(3s - 300ms);
  const auto report = engine_->report();
  EXPECT_NEAR(report.rules[0].matched_per_second, 100, 0.01);
  EXPECT_NEAR(report.rules[0].fired_per_second, 1 / 3.0, 0.01);
  for (int i = 0; i < 5; ++i) {
    clock_.advance(1s);
    engine_->look();
  }
  EXPECT_EQ(engine_->report().rules[0].matched_per_second, 0);
}

TEST_F(RuleEngineTest, WarnsForAWhileOfWhatHoldsRulesBack) {
  const auto warnings = [&] {
    engine_->look();
    std::string text;
    for (const auto& warning : controllers_->status.report().warnings) text += warning + "\n";
    return text;
  };
  apply(
      "behavior: {memory: 1MB}\n"
      "rules: [{name: wild, when: {count: 1, within: 1h}, then: {action: block, for: 1h, cap: 1/m}}]\n");
  EXPECT_EQ(warnings(), "");
  requests("203.0.113.1", 1);
  requests("203.0.113.2", 1);
  EXPECT_THAT(warnings(), HasSubstr("rules: findings were held back because a cap was reached: wild;"));
  for (unsigned i = 0; i < 20000; ++i) {
    inspect::Summary summary;
    summary.connection.proven = true;
    summary.began = clock_.wall();
    summary.connection.flow.client.address = {0, 0x0000ffff'0a000000ULL + i};
    summary.service = "web";
    summary.status = 200;
    engine_->take(summary);
  }
  engine_->settle();
  EXPECT_THAT(warnings(), HasSubstr("keys made room before their window was over; raise `memory` of `behavior`"));
  EXPECT_GT(engine_->report().rules[0].evicted + engine_->report().evicted, 0U);
  clock_.advance(11min);
  EXPECT_EQ(warnings(), "");
}

TEST_F(RuleEngineTest, KeepsItsWindowsWhileRulesStayTheSame) {
  apply(kRule);
  requests("203.0.113.7", 2);
  apply(std::string(kRule) + "malformed: pass\n");
  requests("203.0.113.7", 1);
  EXPECT_EQ(decided().size(), 1U);
  requests("203.0.113.8", 2);
  apply(
      "rules: [{name: guess, match: {status: 401}, when: {count: 3, within: 2m}, then: {action: block, for: 10m}}]\n");
  requests("203.0.113.8", 1);
  EXPECT_EQ(decided().size(), 1U) << "other rules begin anew";
  apply("");
  requests("203.0.113.8", 5);
  EXPECT_EQ(decided().size(), 1U) << "without rules nothing is decided";
}

TEST_F(RuleEngineTest, GoesOnAfterTheClockWasSetBack) {
  apply(kRule);
  clock_.set_wall(clock_.wall() + 240h);
  requests("203.0.113.7", 2);
  clock_.set_wall(clock_.wall() - 240h);
  requests("203.0.113.8", 300, 200);
  requests("203.0.113.8", 3);
  ASSERT_EQ(decided().size(), 1U);
  EXPECT_EQ(decided()[0].target.to_string(), "203.0.113.8");
}

TEST_F(RuleEngineTest, BlocksForNoLongerThanItsRuleSaysWhateverTheTimeOfRequests) {
  apply(kRule);
  const auto now = clock_.wall();
  clock_.set_wall(now + 24h);
  requests("203.0.113.7", 2);
  clock_.set_wall(now);
  inspect::Summary summary;
  summary.connection.proven = true;
  summary.began = now + 48h;
  summary.connection.flow.client.address = Address::parse("203.0.113.7").value();
  summary.service = "web";
  summary.status = 401;
  for (int i = 0; i < 3; ++i) engine_->take(summary);
  engine_->settle();
  ASSERT_EQ(decided().size(), 1U);
  EXPECT_LE(*decided()[0].expires, now + 10min + 1s);
}

TEST_F(RuleEngineTest, ARepeaterIsOneAfterARestartToo) {
  apply(kEscalating);
  requests("203.0.113.7", 3);
  ASSERT_EQ(decided().size(), 1U);
  EXPECT_EQ(*decided()[0].expires, clock_.wall() + 10min);
  clock_.advance(11min);
  ASSERT_TRUE(controllers_->decisions.tick());
  ASSERT_TRUE(decided().empty()) << "expired and deleted: the memory is apart";
  restart();
  requests("203.0.113.7", 3);
  ASSERT_EQ(decided().size(), 1U);
  EXPECT_EQ(*decided()[0].expires, clock_.wall() + 20min);
  EXPECT_THAT(decided()[0].reason, HasSubstr("decision 2 on this key"));
  requests("203.0.113.8", 3);
  EXPECT_EQ(*decided()[1].expires, clock_.wall() + 10min) << "somebody else";
  clock_.advance(20min + 1h + 1s);
  ASSERT_TRUE(controllers_->decisions.tick());
  restart();
  requests("203.0.113.7", 3);
  EXPECT_EQ(*decided()[0].expires, clock_.wall() + 10min) << "forgiven an hour after the last decision ended";
}

TEST_F(RuleEngineTest, ARepeaterIsOneWhenOtherRulesChange) {
  apply(kEscalating);
  requests("203.0.113.7", 3);
  clock_.advance(11min);
  ASSERT_TRUE(controllers_->decisions.tick());
  apply(std::string(kEscalating) + "behavior: {memory: 2MB}\n");
  requests("203.0.113.7", 3);
  ASSERT_EQ(decided().size(), 1U);
  EXPECT_EQ(*decided()[0].expires, clock_.wall() + 20min);
  clock_.advance(21min);
  ASSERT_TRUE(controllers_->decisions.tick());
  apply(std::string(kEscalating) + "sources: {ipv4_prefix: 24}\n");
  requests("203.0.113.7", 3);
  EXPECT_EQ(*decided()[0].expires, clock_.wall() + 10min) << "a network is not the address it has";
}

TEST_F(RuleEngineTest, IdentitiesAreNotRememberedOverARestart) {
  apply(
      "rules: [{name: guess, key: [source, session], match: {status: 401}, when: {count: 1, within: 1m},"
      " then: {action: block, for: 10m, escalate: {factor: 2, max: 24h}}}]\n");
  requests("203.0.113.7", 1, 401, inspect::IdentityHash{std::byte{1}});
  EXPECT_EQ(decisions_->repeaters().value().size(), 0U);
}

TEST_F(RuleEngineTest, EventsHaveTheEvidenceAsValues) {
  apply(kRule);
  requests("203.0.113.7", 3);
  const auto made = event_with("block 203.0.113.7 by rule:guess");
  ASSERT_TRUE(made.decision);
  using Change = telemetry::DecisionDetail::Change;
  EXPECT_EQ(made.decision->change, Change::kMade);
  EXPECT_EQ(made.decision->id, decided()[0].id);
  EXPECT_EQ(made.decision->expires, decided()[0].expires);
  const auto& finding = made.decision->finding.value();
  EXPECT_EQ(finding.rule, "guess");
  EXPECT_EQ(finding.outcome, "enforced");
  EXPECT_EQ(finding.service, "web");
  EXPECT_EQ(finding.observed, 3);
  EXPECT_EQ(finding.window, 1min);
  EXPECT_EQ(finding.examples.size(), 3U);
  EXPECT_EQ(finding.source->to_string(), "203.0.113.7");
  requests("192.0.2.10", 3);
  const auto spared = event_with("would block 192.0.2.10");
  ASSERT_TRUE(spared.decision);
  EXPECT_EQ(spared.decision->change, Change::kReported);
  EXPECT_EQ(spared.decision->finding->outcome, "safelisted");
  ASSERT_TRUE(controllers_->decisions.block(targets({"203.0.113.99"})));
  ASSERT_TRUE(controllers_->decisions.unblock({"203.0.113.99"}, "uid:5"));
  EXPECT_EQ(event_with("block 203.0.113.99 by operator").decision->actor, "uid:0");
  EXPECT_EQ(event_with("unblock 203.0.113.99").decision->change, Change::kRemoved);
  EXPECT_EQ(event_with("unblock 203.0.113.99").decision->actor, "uid:5");
  clock_.advance(11min);
  ASSERT_TRUE(controllers_->decisions.tick());
  EXPECT_EQ(event_with("expired: block 203.0.113.7").decision->change, Change::kExpired);
}

TEST_F(RuleEngineTest, BehindAProxyTheEventNamesTheClientForOthersToEnforce) {
  apply(kRule);
  for (int i = 0; i < 3; ++i) {
    inspect::Summary summary;
    summary.connection.proven = true;
    summary.began = clock_.wall();
    summary.connection.flow.client.address = Address::parse("198.51.100.1").value();
    summary.proxied = Address::parse("203.0.113.50").value();
    summary.service = "web";
    summary.status = 401;
    engine_->take(summary);
  }
  engine_->settle();
  EXPECT_TRUE(decided().empty());
  const auto reported = event_with("rule:guess would block 203.0.113.50");
  EXPECT_EQ(reported.decision->finding->outcome, "trusted_proxy");
  EXPECT_EQ(reported.decision->finding->named.to_string(), "203.0.113.50");
  EXPECT_EQ(reported.decision->finding->client.address.to_string(), "198.51.100.1");
}

TEST_F(RuleEngineTest, DoesNothingAfterItsEnd) {
  apply(kRule);
  engine_->stop();
  inspect::Summary summary;
  summary.connection.proven = true;
  summary.status = 401;
  for (int i = 0; i < 10; ++i) engine_->take(summary);
  EXPECT_TRUE(decided().empty());
}

}  // namespace
}  // namespace tidegate::testing
