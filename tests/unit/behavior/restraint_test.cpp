// SPDX-License-Identifier: Apache-2.0
// Cool-down, escalation, caps, priorities, shadow mode and the NAT guard.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/behavior/support.hpp"

namespace tidegate::behavior {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kOnceASecond = "when: {count: 1, within: 1s}";

std::string block(const std::string& more = "") { return "then: {action: block, for: 10m" + more + "}"; }
std::string short_rule(const std::string& inside) { return "{name: r, " + inside + "}"; }

TEST(CoolDown, LastsAsLongAsTheDecision) {
  Trial trial(short_rule(std::string(kOnceASecond) + ", " + block()));
  EXPECT_THAT(trial.fire({.when = 0s}), ElementsAre("r!"));
  EXPECT_THAT(trial.fire({.when = 599s}), IsEmpty());
  EXPECT_EQ(trial.evaluator.statistics_of(0).suppressed, 1U);
  EXPECT_THAT(trial.fire({.when = 600s}), ElementsAre("r!"));
}

TEST(CoolDown, CanBeSet) {
  Trial trial(short_rule(std::string(kOnceASecond) + ", " + block(", cooldown: 5s")));
  EXPECT_THAT(trial.fire({.when = 0s}), ElementsAre("r!"));
  EXPECT_THAT(trial.fire({.when = 4s}), IsEmpty());
  EXPECT_THAT(trial.fire({.when = 5s}), ElementsAre("r!"));
}

TEST(Escalation, LengthensAndForgets) {
  Trial trial(short_rule(std::string(kOnceASecond) + ", " + block(", escalate: {factor: 2, max: 30m, memory: 1h}")));
  const auto duration_at = [&](std::chrono::seconds when) {
    const auto findings = trial.take({.when = when});
    return findings.empty() ? 0s : findings[0].duration;
  };
  EXPECT_EQ(duration_at(0min), 10min);
  EXPECT_EQ(duration_at(10min), 20min);
  EXPECT_EQ(duration_at(30min), 30min) << "not 40m: the maximum";
  EXPECT_EQ(duration_at(59min), 0min) << "the decision stands";
  EXPECT_EQ(duration_at(60min), 30min);
  // The last decision ended at 1h30m and is remembered for an hour.
  EXPECT_EQ(duration_at(149min), 30min);
  EXPECT_EQ(duration_at(149min + 91min), 10min);
}

TEST(Escalation, NeverOverflows) {
  const Escalation escalation{.factor = 1000, .max = std::chrono::hours(24 * 3650), .memory = 1h};
  EXPECT_EQ(escalation.after(std::chrono::hours(24), 4'000'000'000U), std::chrono::hours(24 * 3650));
}

TEST(Shadow, IsReportedAndNotEnforced) {
  Trial trial(short_rule(std::string(kOnceASecond) + ", " + block(", mode: shadow, cap: 1/h")));
  EXPECT_THAT(trial.fire({}), ElementsAre("r"));
  EXPECT_THAT(trial.fire({.source = "192.0.2.2"}), ElementsAre("r")) << "and takes nothing from caps";
  EXPECT_EQ(trial.evaluator.statistics().alarms, 0U);
}

TEST(Caps, KeepAWrongRuleFromBlockingTheWorld) {
  Trial trial(short_rule(std::string(kOnceASecond) + ", " + block(", cap: 3/m")));
  unsigned enforced = 0;
  unsigned alarms = 0;
  for (unsigned i = 0; i < 100; ++i) {
    for (const Finding& finding :
         trial.take({.when = std::chrono::milliseconds(i), .source = "192.0.2." + std::to_string(i)})) {
      enforced += finding.enforced() ? 1 : 0;
      if (finding.kind == Finding::Kind::kDecision && !finding.enforced()) {
        EXPECT_EQ(finding.obstacle, Obstacle::kRuleCap);
      }
      if (finding.kind != Finding::Kind::kAlarm) continue;
      ++alarms;
      EXPECT_FALSE(finding.enforced());
      EXPECT_THAT(finding.evidence.text, HasSubstr("rule r decided 3 times within 1m"));
    }
  }
  EXPECT_EQ(enforced, 3U);
  EXPECT_EQ(alarms, 1U) << "one a minute";
  EXPECT_THAT(trial.fire({.when = 60s, .source = "192.0.2.200"}), ElementsAre("r!")) << "the window slides";
  EXPECT_THAT(trial.fire({.when = 60s + 100ms, .source = "192.0.2.50"}), ElementsAre("r!"))
      << "who was reported only is tried again after a minute";
}

TEST(Caps, HoldForAllRulesTogether) {
  Trial trial("{name: a, match: {path: /a}, " + std::string(kOnceASecond) + ", " + block() +
                  "}, {name: b, match: {path: /b}, " + kOnceASecond + ", " + block() + "}",
              "behavior: {cap: 2/m}\n");
  EXPECT_THAT(trial.fire({.source = "192.0.2.1", .path = "/a"}), ElementsAre("a!"));
  EXPECT_THAT(trial.fire({.source = "192.0.2.2", .path = "/b"}), ElementsAre("b!"));
  const auto findings = trial.take({.source = "192.0.2.3", .path = "/b"});
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].kind, Finding::Kind::kAlarm);
  EXPECT_EQ(findings[1].obstacle, Obstacle::kGlobalCap);
}

TEST(Caps, OfManyAreNeverExceeded) {
  Trial trial(short_rule(std::string(kOnceASecond) + ", " + block(", cap: 100/m")));
  std::vector<int> times;
  for (int i = 0; i < 4000; ++i) {
    const auto findings = trial.take({.when = std::chrono::milliseconds(i * 100),
                                      .source = Address::from_v4(0x0a000000U + static_cast<unsigned>(i)).to_string()});
    for (const Finding& finding : findings) {
      if (finding.enforced()) times.push_back(i);
    }
  }
  EXPECT_GT(times.size(), 500U);
  for (std::size_t i = 100; i < times.size(); ++i)
    EXPECT_GE(times[i] - times[i - 100], 600) << "more than 100 a minute";
}

TEST(Priorities, LetTheHighestAct) {
  Trial trial("{name: low, " + std::string(kOnceASecond) +
              ", priority: 1, then: {action: limit, packets: 1/s, for: 1m}}, {name: high, " + kOnceASecond +
              ", priority: 900, " + block() + "}, {name: same, " + kOnceASecond + ", priority: 900, " + block() + "}");
  const auto findings = trial.take({});
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[0].rule, "high");
  EXPECT_TRUE(findings[0].enforced());
  EXPECT_EQ(findings[1].rule, "same");
  EXPECT_TRUE(findings[1].enforced());
  EXPECT_EQ(findings[2].rule, "low");
  EXPECT_EQ(findings[2].obstacle, Obstacle::kOutranked);
}

// What is judged a moment later is outranked by what acted on the same request.
TEST(Priorities, HoldForWhatIsHeldBack) {
  Trial trial("{name: low, when: {without: {path: /first}, within: 1m, count: 1}, priority: 1, " + block() +
              "}, {name: high, match: {path: /bad}, " + kOnceASecond + ", " + block() + "}");
  trial.take({.when = 0s});
  const auto findings = trial.take({.when = 2min, .path = "/bad"});
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].rule, "high");
  EXPECT_EQ(findings[1].rule, "low");
  EXPECT_EQ(findings[1].obstacle, Obstacle::kOutranked);
}

TEST(Priorities, OfShadowsOutrankNobody) {
  Trial trial("{name: low, " + std::string(kOnceASecond) + ", priority: 1, " + block() + "}, {name: high, " +
              kOnceASecond + ", priority: 900, " + block(", mode: shadow") + "}");
  EXPECT_THAT(trial.fire({}), ElementsAre("high", "low!"));
}

std::string by_session(const std::string& more = "") {
  return short_rule("service: web, match: {path: /bad}, key: session, " + std::string(kOnceASecond) + ", " + block() +
                    more);
}

TEST(NatGuard, SparesASourceThatOthersShare) {
  Trial trial(by_session());
  trial.take({.when = 0s, .session = 2});
  const auto findings = trial.take({.when = 1s, .path = "/bad", .session = 1});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].obstacle, Obstacle::kNone);
  EXPECT_EQ(findings[0].source_obstacle, Obstacle::kNatGuard);
  EXPECT_TRUE(findings[0].enforced());
  EXPECT_FALSE(findings[0].acts_on_source());
  EXPECT_TRUE(findings[0].blocks_connections);
  EXPECT_EQ(findings[0].scope, "web");
  EXPECT_THAT(describe(findings[0]),
              HasSubstr("by connection, not by source: other sessions that behave well share the source"));
  EXPECT_EQ(trial.evaluator.statistics().held_back[static_cast<std::size_t>(Obstacle::kNatGuard)], 1U);
}

TEST(NatGuard, LetsASourceOfOneSessionBeBlocked) {
  Trial trial(by_session());
  trial.take({.when = 0s, .session = 1});
  EXPECT_THAT(trial.fire({.when = 1s, .path = "/bad", .session = 1}), ElementsAre("r!"));
  trial.take({.when = 2s, .source = "192.0.2.2", .session = 7});
  EXPECT_THAT(trial.fire({.when = 3s, .path = "/bad", .session = 3}), ElementsAre("r!"))
      << "others are at another source, and session 1 does not behave";
}

TEST(NatGuard, ForgetsSessionsThatLeft) {
  Trial trial(by_session());
  trial.take({.when = 0s, .session = 2});
  EXPECT_THAT(trial.fire({.when = 700s, .path = "/bad", .session = 1}), ElementsAre("r!"));
}

TEST(NatGuard, CountsThoseOnlyThatWereAnsweredWell) {
  Trial trial(by_session());
  trial.take({.when = 0s, .status = 404, .session = 2});
  trial.take({.when = 0s, .status = std::nullopt, .session = 3});
  EXPECT_THAT(trial.fire({.when = 1s, .path = "/bad", .session = 1}), ElementsAre("r!"));
}

TEST(NatGuard, HasAShareAndAMinimum) {
  const std::string guard = "behavior: {nat_guard: {share: 0.5, min: 2}}\n";
  Trial few(by_session(), guard);
  few.take({.when = 0s, .session = 2});
  EXPECT_THAT(few.fire({.when = 1s, .path = "/bad", .session = 1}), ElementsAre("r!")) << "one is below the minimum";
  Trial enough(by_session(), guard);
  enough.take({.when = 0s, .session = 2});
  enough.take({.when = 0s, .session = 3});
  EXPECT_THAT(enough.fire({.when = 1s, .path = "/bad", .session = 1}), ElementsAre("r~"));
  Trial drowned(by_session(), guard);
  for (unsigned i = 2; i < 4; ++i) drowned.take({.when = 0s, .session = i});
  for (unsigned i = 4; i < 9; ++i) drowned.take({.when = 0s, .status = 403, .session = i});
  EXPECT_THAT(drowned.fire({.when = 1s, .path = "/bad", .session = 1}), ElementsAre("r!")) << "a share below a half";
  Trial off(by_session(), "behavior: {nat_guard: {min: 0}}\n");
  off.take({.when = 0s, .session = 2});
  EXPECT_THAT(off.fire({.when = 1s, .path = "/bad", .session = 1}), ElementsAre("r!"));
}

std::string by_account(const std::string& service) {
  return short_rule("service: " + service + ", match: {path: /bad}, key: account, " + kOnceASecond + ", " + block());
}

// Where a service has no sessions the accounts are who shares the source.
TEST(NatGuard, TellsAccountsApartWhereThereAreNoSessions) {
  Trial shared(by_account("shop"));
  shared.take({.when = 0s, .account = 2, .service = "shop"});
  EXPECT_THAT(shared.fire({.when = 1s, .path = "/bad", .account = 1, .service = "shop"}), ElementsAre("r~"));
  Trial alone(by_account("shop"));
  alone.take({.when = 0s, .account = 1, .service = "shop"});
  EXPECT_THAT(alone.fire({.when = 1s, .path = "/bad", .account = 1, .service = "shop"}), ElementsAre("r!"));
  alone.take({.when = 2s, .source = "192.0.2.2", .status = 401, .account = 3, .service = "shop"});
  EXPECT_THAT(alone.fire({.when = 3s, .source = "192.0.2.2", .path = "/bad", .account = 4, .service = "shop"}),
              ElementsAre("r!"))
      << "who was not let in does not share it";
  EXPECT_THAT(alone.fire({.when = 4s, .path = "/bad", .account = 5, .service = "shop"}), ElementsAre("r!"))
      << "a rule fired on account 1";
}

// Who logs in and gets a session is one, not two.
TEST(NatGuard, TakesNoAccountForAnotherWhereThereAreSessions) {
  Trial trial(by_session());
  trial.take({.when = 0s, .account = 1});
  EXPECT_THAT(trial.fire({.when = 1s, .path = "/bad", .session = 1}), ElementsAre("r!"));
}

// A limit has no connection to act on: it is held back as a whole.
TEST(NatGuard, HoldsBackALimitAltogether) {
  Trial trial("{name: r, match: {path: /bad}, key: session, " + std::string(kOnceASecond) +
              ", then: {action: limit, packets: 1/s, for: 1m}}");
  trial.take({.when = 0s, .session = 2});
  const auto findings = trial.take({.when = 1s, .path = "/bad", .session = 1});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].obstacle, Obstacle::kNatGuard);
  EXPECT_FALSE(findings[0].enforced());
}

TEST(Identities, AreBlockedByConnectionBehindNoProxyAndNotInTheShadow) {
  const auto finding = [](const std::string& key, const std::string& then, const Request& request) {
    Trial trial("{name: r, key: " + key + ", " + std::string(kOnceASecond) + ", " + then + "}");
    const auto findings = trial.take(request);
    return findings.empty() ? Finding{} : findings.front();
  };
  const Request known{.session = 1, .account = 2};
  for (const char* key : {"session", "account", "[source, session]", "[session, ja4]"}) {
    EXPECT_TRUE(finding(key, block(), known).blocks_connections) << key;
    EXPECT_TRUE(finding(key, block(), known).acts_on_source()) << key;
    EXPECT_EQ(finding(key, block(), known).scope, "") << key;
  }
  EXPECT_FALSE(finding("source", block(), known).blocks_connections);
  EXPECT_FALSE(finding("ja4", block(), known).blocks_connections);
  EXPECT_FALSE(finding("session", "then: {action: monitor, for: 1m}", known).enforced());
  EXPECT_FALSE(finding("session", block(", mode: shadow"), known).enforced());
  const Request proxied{.session = 1, .proxied = "203.0.113.1"};
  EXPECT_FALSE(finding("session", block(), proxied).enforced());
  EXPECT_EQ(finding("session", block(), proxied).obstacle, Obstacle::kTrustedProxy);
}

TEST(NatGuard, DoesNotSpareWhatIsKeyedBySourceAlone) {
  Trial trial(short_rule("match: {path: /bad}, " + std::string(kOnceASecond) + ", " + block()));
  trial.take({.when = 0s, .session = 2});
  EXPECT_THAT(trial.fire({.when = 1s, .path = "/bad", .session = 1}), ElementsAre("r!"));
}

}  // namespace
}  // namespace tidegate::behavior
