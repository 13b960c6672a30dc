// SPDX-License-Identifier: Apache-2.0
// Rules about handshakes without requests and requests that stall.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/behavior/support.hpp"

namespace tidegate::behavior {
namespace {

using inspect::SummaryKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kOnce = ", when: {count: 1, within: 1m}, then: {action: block, for: 10m}}";

std::string rule(const std::string& name, const std::string& match) {
  return "{name: " + name + (match.empty() ? "" : ", match: " + match) + kOnce;
}

TEST(Events, AreOnlyForRulesThatNameThem) {
  Trial trial(rule("all", "") + "," + rule("none", "{status: none}") + "," +
              rule("agentless", "{user_agent: {missing: true}}") + "," + rule("shakes", "{event: handshake}") + "," +
              rule("stalls", "{event: stalled}") + "," + rule("both", "{event: [handshake, stalled]}") + "," +
              rule("posts", "{event: stalled, method: POST}"));
  EXPECT_THAT(trial.fire({.kind = SummaryKind::kHandshake}), ElementsAre("shakes!", "both!"));
  EXPECT_THAT(trial.fire({.source = "192.0.2.2", .kind = SummaryKind::kStalled}), ElementsAre("stalls!", "both!"));
  EXPECT_THAT(trial.fire({.source = "192.0.2.3", .method = "POST", .kind = SummaryKind::kStalled}),
              ElementsAre("stalls!", "both!", "posts!"));
  EXPECT_THAT(trial.fire({.source = "192.0.2.4"}), ElementsAre("all!"));
  EXPECT_THAT(trial.fire({.source = "192.0.2.5", .kind = SummaryKind::kPayload}), IsEmpty());
}

TEST(Events, AreCountedTogetherWhereARuleSaysSo) {
  Trial trial(
      "{name: r, match: {event: [request, handshake]}, when: {ratio: {event: handshake}, over: 0.8, min: 10, within: "
      "1m}, "
      "then: {action: block, for: 10m}}");
  for (int i = 0; i < 9; ++i) EXPECT_THAT(trial.fire({.kind = SummaryKind::kHandshake}), IsEmpty()) << i;
  EXPECT_THAT(trial.fire({.kind = SummaryKind::kHandshake}), ElementsAre("r!"));
  for (int i = 0; i < 40; ++i) {
    const auto kind = i % 3 == 0 ? SummaryKind::kRequest : SummaryKind::kHandshake;
    EXPECT_THAT(trial.fire({.source = "192.0.2.2", .kind = kind}), IsEmpty()) << i;
  }
}

TEST(Events, AreNoStepsUnlessNamed) {
  Trial trial(
      "{name: with, match: {path: /pay}, when: {without: {event: stalled}, within: 10s, count: 1}, then: {action: "
      "block, for: "
      "1m}}, {name: plain, match: {path: /pay}, when: {without: {path: /}, within: 10s, count: 1}, then: {action: "
      "block, for: "
      "1m}}");
  trial.take({.source = "198.51.100.1"});
  trial.take({.when = 20s, .path = "/", .kind = SummaryKind::kStalled});
  EXPECT_THAT(trial.fire({.when = 21s, .path = "/pay"}), ElementsAre("plain!"));
}

TEST(Events, SayWhatTheyAre) {
  Trial trial(
      "{name: r, match: {event: handshake}, when: {count: 2, within: 1m}, then: {action: block, for: 10m}}, "
      "{name: s, match: {event: stalled}, when: {count: 2, within: 1m}, then: {action: block, for: 10m}}");
  trial.take({.kind = SummaryKind::kHandshake});
  const auto shaken = trial.take({.when = 1s, .kind = SummaryKind::kHandshake});
  ASSERT_EQ(shaken.size(), 1U);
  EXPECT_EQ(describe(shaken[0]),
            "2 TLS handshakes without a request (2 or more) within 1m by source 192.0.2.1; for example (handshake) at "
            "2030-01-01T00:00:00Z, (handshake) at 2030-01-01T00:00:01Z");
  trial.take({.source = "192.0.2.2", .path = "", .kind = SummaryKind::kStalled});
  const auto stalled = trial.take({.source = "192.0.2.2", .path = "/up", .kind = SummaryKind::kStalled});
  ASSERT_EQ(stalled.size(), 1U);
  EXPECT_THAT(describe(stalled[0]), HasSubstr("2 stalled requests (2 or more)"));
  EXPECT_THAT(describe(stalled[0]), HasSubstr("(no path) at"));
}

TEST(Events, HaveNoValuesOfRequests) {
  Trial trial("{name: r, match: {event: [request, handshake], reset: false}" + std::string(kOnce) +
              ", {name: h, match: {event: [request, handshake], http: [1.0, 1.1, 2]}" + kOnce +
              ", {name: b, match: {event: [request, handshake], response_bytes: {under: 1MB}}" + kOnce);
  EXPECT_THAT(trial.fire({.kind = SummaryKind::kHandshake}), IsEmpty());
  EXPECT_THAT(trial.fire({}), ElementsAre("r!", "h!", "b!"));
}

TEST(Events, OfResetsAreMatched) {
  Trial trial(rule("resets", "{reset: true}"));
  auto summary = summary_of({.status = std::nullopt});
  std::vector<Finding> findings;
  trial.evaluator.take(summary, findings);
  EXPECT_THAT(findings, IsEmpty());
  summary.reset = true;
  trial.evaluator.take(summary, findings);
  EXPECT_EQ(findings.size(), 1U);
}

// A session is not well-behaved, and its source not shared, because of what is no answer.
TEST(Events, DoNotCountAsGoodBehaviour) {
  Trial trial("{name: r, key: session, match: {path: /x}" + std::string(kOnce));
  auto other = summary_of({.session = 2, .kind = SummaryKind::kStalled});
  other.status = 200;
  std::vector<Finding> findings;
  trial.evaluator.take(other, findings);
  EXPECT_THAT(trial.fire({.path = "/x", .session = 1}), ElementsAre("r!"));
}

// What is offered to events is what matches them, and no request is offered more because of them.
TEST(Events, HaveAnIndexOfTheirOwn) {
  std::string text;
  for (int i = 0; i < 100; ++i) {
    const std::string n = std::to_string(i);
    text += (i == 0 ? "" : ",") + rule("h" + n, "{event: handshake}") + "," + rule("p" + n, "{path: /" + n + "}") +
            "," + rule("b" + n, "{event: [request, stalled], path: /" + n + "}");
  }
  const RuleSet rules = rules_of(text);
  RuleIndex index(rules.rules);
  EXPECT_EQ(index.candidates(summary_of({.kind = SummaryKind::kHandshake})).size(), 100U);
  EXPECT_EQ(index.candidates(summary_of({.path = "/7", .kind = SummaryKind::kStalled})).size(), 100U);
  EXPECT_EQ(index.candidates(summary_of({.path = "/7"})).size(), 2U);
  EXPECT_EQ(index.candidates(summary_of({.kind = SummaryKind::kPayload})).size(), 0U);
}

}  // namespace
}  // namespace tidegate::behavior
