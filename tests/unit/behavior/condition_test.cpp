// SPDX-License-Identifier: Apache-2.0
// Each condition, at its threshold and just below.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "tests/unit/behavior/support.hpp"

namespace tidegate::behavior {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr const char* kBlock = "then: {action: block, for: 10m}";

std::string rule(const std::string& inside) { return "{name: r, " + inside + ", " + kBlock + "}"; }

TEST(Count, FiresAtTheCountWithinTheWindow) {
  Trial trial(rule("match: {status: 401}, when: {count: 3, within: 1m}"));
  EXPECT_THAT(trial.fire({.when = 0s, .status = 401}), IsEmpty());
  EXPECT_THAT(trial.fire({.when = 1s, .status = 200}), IsEmpty());
  EXPECT_THAT(trial.fire({.when = 30s, .status = 401}), IsEmpty());
  EXPECT_THAT(trial.fire({.when = 60s, .status = 401}), IsEmpty()) << "the first is a minute old";
  EXPECT_THAT(trial.fire({.when = 89s, .status = 401}), ElementsAre("r!"));
}

TEST(Count, IsOfEachKeyByItself) {
  Trial trial(rule("when: {count: 2, within: 1m}"));
  EXPECT_THAT(trial.fire({.source = "192.0.2.1"}), IsEmpty());
  EXPECT_THAT(trial.fire({.source = "192.0.2.2"}), IsEmpty());
  EXPECT_THAT(trial.fire({.source = "2001:db8::1"}), IsEmpty());
  EXPECT_THAT(trial.fire({.source = "2001:db8::2"}), ElementsAre("r!")) << "one /64 is one source";
}

TEST(Sum, FiresAboveTheSize) {
  Trial trial(rule("when: {sum: response_bytes, over: 10kB, within: 1m}"));
  EXPECT_THAT(trial.fire({.when = 0s, .response_bytes = 6000}), IsEmpty());
  EXPECT_THAT(trial.fire({.when = 1s, .response_bytes = 4000}), IsEmpty());
  const auto findings = trial.take({.when = 2s, .response_bytes = 1});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_THAT(findings[0].evidence.text, HasSubstr("of responses (over 10kB) within 1m"));
}

TEST(Distinct, FiresAboveTheNumber) {
  Trial trial(rule("when: {distinct: path, over: 3, within: 1m}"));
  for (const char* path : {"/a", "/b", "/a", "/c", "/b"}) EXPECT_THAT(trial.fire({.path = path}), IsEmpty()) << path;
  EXPECT_THAT(trial.fire({.when = 60s, .path = "/d"}), IsEmpty()) << "the others are a minute old";
  EXPECT_THAT(trial.fire({.when = 61s, .path = "/a"}), IsEmpty());
  EXPECT_THAT(trial.fire({.when = 62s, .path = "/b"}), IsEmpty());
  EXPECT_THAT(trial.fire({.when = 63s, .path = "/c"}), ElementsAre("r!"));
}

TEST(Distinct, CountsWhatThereIsOnly) {
  Trial trial(rule("service: web, when: {distinct: account, over: 1, within: 1m}"));
  EXPECT_THAT(trial.fire({.account = 1}), IsEmpty());
  EXPECT_THAT(trial.fire({}), IsEmpty());
  EXPECT_THAT(trial.fire({.account = 1}), IsEmpty());
  EXPECT_THAT(trial.fire({.account = 2}), ElementsAre("r!"));
}

TEST(Ratio, NeedsItsMinimumAndItsShare) {
  Trial trial(rule("when: {ratio: {status: 401}, over: 0.5, min: 4, within: 1m}"));
  EXPECT_THAT(trial.fire({.status = 401}), IsEmpty());
  EXPECT_THAT(trial.fire({.status = 401}), IsEmpty());
  EXPECT_THAT(trial.fire({.status = 200}), IsEmpty());
  EXPECT_THAT(trial.fire({.status = 200}), IsEmpty()) << "half is not over half";
  EXPECT_THAT(trial.fire({.status = 401}), ElementsAre("r!"));
}

TEST(Without, FiresWhenTheStepBeforeIsMissing) {
  Trial trial(
      rule("match: {path: \"/payment/**\"}, when: {without: {path: /checkout, status: 2xx}, within: 30m, count: 2}"));
  trial.take({.when = 0s, .source = "192.0.2.9"});
  trial.take({.when = 40min, .path = "/checkout"});
  EXPECT_THAT(trial.fire({.when = 41min, .path = "/payment/1"}), IsEmpty());
  EXPECT_THAT(trial.fire({.when = 42min, .path = "/payment/2"}), IsEmpty());
  trial.take({.when = 43min, .source = "192.0.2.2", .path = "/checkout", .status = 500});
  EXPECT_THAT(trial.fire({.when = 44min, .source = "192.0.2.2", .path = "/payment/1"}), IsEmpty());
  EXPECT_THAT(trial.fire({.when = 45min, .source = "192.0.2.2", .path = "/payment/1"}), ElementsAre("r!"));
  EXPECT_THAT(trial.fire({.when = 70min, .path = "/payment/3"}), IsEmpty()) << "the step is 30 minutes old: the first";
  EXPECT_THAT(trial.fire({.when = 71min, .path = "/payment/3"}), ElementsAre("r!"));
}

TEST(Without, AccusesNobodyOfWhatWasBeforeTheStart) {
  Trial trial(rule("match: {path: /pay}, when: {without: {path: /checkout}, within: 30m, count: 1}"));
  EXPECT_THAT(trial.fire({.when = 0s, .path = "/pay"}), IsEmpty());
  EXPECT_THAT(trial.fire({.when = 29min, .path = "/pay"}), IsEmpty());
  EXPECT_THAT(trial.fire({.when = 30min, .path = "/pay"}), ElementsAre("r!"));
}

TEST(Without, AccusesNobodyForWantOfMemory) {
  Trial trial(rules_of("{name: r, match: {path: /pay}, when: {without: {path: /checkout}, within: 1h, count: 1}, " +
                           std::string(kBlock) + "}",
                       "behavior: {memory: 1MB}\n"));
  trial.take({.when = 0s, .path = "/x"});
  const auto source = [](unsigned i) { return Address::from_v4(0x0a000000 + i).to_string(); };
  constexpr unsigned kClients = 20'000;
  for (unsigned i = 0; i < kClients; ++i) trial.take({.when = 2h, .source = source(i), .path = "/checkout"});
  EXPECT_GT(trial.evaluator.statistics().evicted, 1000U);
  unsigned accused = 0;
  for (unsigned i = 0; i < kClients; ++i) {
    accused += trial.fire({.when = 2h + 1min, .source = source(i), .path = "/pay"}).empty() ? 0 : 1;
  }
  EXPECT_EQ(accused, 0U);
}

TEST(After, NeedsTheStepsInOrder) {
  Trial trial(rule("match: {path: /c}, when: {after: [{path: /a}, {path: /b}], within: 1m}"));
  trial.take({.when = 0s, .path = "/b"});
  trial.take({.when = 1s, .path = "/a"});
  EXPECT_THAT(trial.fire({.when = 2s, .path = "/c"}), IsEmpty());
  trial.take({.when = 3s, .path = "/b"});
  EXPECT_THAT(trial.fire({.when = 61s, .path = "/c"}), IsEmpty()) << "the first step is a minute old";
  trial.take({.when = 70s, .path = "/a"});
  trial.take({.when = 71s, .path = "/b"});
  EXPECT_THAT(trial.fire({.when = 72s, .path = "/c"}), ElementsAre("r!"));
}

TEST(After, CountsNoRequestAsItsOwnStep) {
  Trial trial(rule("match: {path: /a}, when: {after: [{path: /a}, {path: /a}], within: 1m}"));
  EXPECT_THAT(trial.fire({.when = 0s, .path = "/a"}), IsEmpty());
  EXPECT_THAT(trial.fire({.when = 1s, .path = "/a"}), IsEmpty());
  EXPECT_THAT(trial.fire({.when = 2s, .path = "/a"}), ElementsAre("r!"));
}

// The latest chain of steps against all of them.
TEST(After, AgreesWithASearchOfAllChains) {
  std::mt19937 random(11);
  Trial trial(
      "{name: r, match: {path: /m}, when: {after: [{path: [/a, /x]}, {path: [/b, /x]}, {path: [/c, /x]}], within: 1m}, "
      "then: {action: monitor, for: 1s, cooldown: 1s}}");
  struct Past {
    int second;
    std::string path;
  };
  std::deque<Past> past;
  const std::vector<std::string> paths{"/a", "/b", "/c", "/x", "/m", "/m"};
  int second = 0;
  unsigned fired = 0;
  for (int i = 0; i < 4000; ++i) {
    second += 2 + static_cast<int>(random() % 30);
    const std::string path = paths[random() % paths.size()];
    const bool holds = !trial.take({.when = std::chrono::seconds(second), .path = path}).empty();
    bool expected = false;
    for (std::size_t a = 0; path == "/m" && a < past.size(); ++a) {
      if (past[a].second <= second - 60 || (past[a].path != "/a" && past[a].path != "/x")) continue;
      for (std::size_t b = a + 1; b < past.size(); ++b) {
        if (past[b].path != "/b" && past[b].path != "/x") continue;
        for (std::size_t c = b + 1; c < past.size(); ++c) expected |= past[c].path == "/c" || past[c].path == "/x";
      }
    }
    ASSERT_EQ(holds, expected) << "at " << second;
    fired += holds ? 1 : 0;
    past.push_back({second, path});
    if (past.size() > 40) past.pop_front();
  }
  EXPECT_GT(fired, 50U);
}

TEST(Repeat, CountsEarlierDecisionsOfOtherRules) {
  Trial trial(
      "{name: a, match: {path: /a}, when: {count: 1, within: 1s}, then: {action: monitor, for: 1s}},"
      "{name: b, match: {path: /b}, key: [source, ja4], when: {count: 1, within: 1s}, then: {action: monitor, for: "
      "1s}},"
      "{name: often, when: {repeat: [a, b], count: 3, within: 1h}, then: {action: block, for: 1d}}");
  EXPECT_THAT(trial.fire({.when = 0s, .path = "/a"}), ElementsAre("a"));
  EXPECT_THAT(trial.fire({.when = 2s, .path = "/b"}), ElementsAre("b"));
  EXPECT_THAT(trial.fire({.when = 3s, .source = "192.0.2.2", .path = "/b"}), ElementsAre("b"));
  const auto findings = trial.take({.when = 4s, .path = "/a"});
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[1].rule, "often");
  EXPECT_TRUE(findings[1].enforced());
  EXPECT_THAT(findings[1].evidence.text, StartsWith("3 earlier decisions (3 or more) within 1h"));
}

TEST(Repeat, DoesNotCountShadowsAgainstAnybody) {
  Trial trial(
      "{name: a, when: {count: 1, within: 1s}, then: {action: block, for: 1s, mode: shadow}},"
      "{name: real, when: {repeat: a, count: 1, within: 1h}, then: {action: block, for: 1d}},"
      "{name: trial, when: {repeat: a, count: 1, within: 1h}, then: {action: block, for: 1d, mode: shadow}}");
  EXPECT_THAT(trial.fire({}), ElementsAre("a", "trial"));
}

// Never early, at most 1/16 late: every condition against a list of all events of a key.
TEST(Conditions, OfManyEventsAreNeverEarlyAndLittleLate) {
  constexpr int kCount = 200;
  constexpr auto kSpan = 60s;
  std::mt19937 random(9);
  Trial trial(
      "{name: c, when: {count: 200, within: 1m}, then: {action: monitor, for: 1s, cooldown: 1s}},"
      "{name: s, when: {sum: response_bytes, over: 200kB, within: 1m}, then: {action: monitor, for: 1s, cooldown: 1s}},"
      "{name: q, when: {ratio: {status: 404}, over: 0.5, min: 100, within: 1m}, "
      "then: {action: monitor, for: 1s, cooldown: 1s}}");
  struct Event {
    std::chrono::milliseconds when;
    std::uint64_t bytes;
    bool hit;
  };
  std::deque<Event> events;
  const auto within = [&](std::chrono::milliseconds now, double spans, auto&& weight) {
    double total = 0;
    for (const Event& e : events)
      total += e.when > now - std::chrono::milliseconds(static_cast<int>(60000 * spans)) ? weight(e) : 0;
    return total;
  };
  const auto one = [](const Event&) { return 1.0; };
  const auto bytes = [](const Event& e) { return static_cast<double>(e.bytes); };
  const auto hit = [](const Event& e) { return e.hit ? 1.0 : 0.0; };
  const auto miss = [](const Event& e) { return e.hit ? 0.0 : 1.0; };
  std::chrono::milliseconds now{0};
  unsigned fired = 0;
  for (int i = 0; i < 6000; ++i) {
    // A tide: from far below the thresholds to above them and back.
    now += std::chrono::milliseconds(1001 * (i % 40 == 0) + static_cast<int>(random() % (100 + 500 * ((i / 500) % 2))));
    const Event event{now, random() % 2000, random() % 100 < (i / 300 % 2 != 0 ? 60U : 40U)};
    events.push_back(event);
    while (events.front().when < now - 2 * kSpan) events.pop_front();
    std::string names;
    for (const auto& finding :
         trial.take({.when = now, .status = event.hit ? 404 : 200, .response_bytes = event.bytes}))
      names += finding.rule;
    fired += static_cast<unsigned>(names.size());
    const double late = 15.0 / 16;
    if (names.find('c') != names.npos) {
      ASSERT_GE(within(now, 1, one), kCount);
    }
    if (names.find('s') != names.npos) {
      ASSERT_GT(within(now, 1, bytes), 200'000);
    }
    if (names.find('q') != names.npos) {
      ASSERT_GE(within(now, 1, one), 100);
      ASSERT_GT(within(now, 1, hit), within(now, 1, miss));
    }
    // What is quiet was decided a second ago; only after a pause has it to fire again.
    if (i % 40 != 0) continue;
    if (within(now, late, one) >= kCount) {
      ASSERT_NE(names.find('c'), names.npos) << i;
    }
    if (within(now, late, bytes) > 200'000) {
      ASSERT_NE(names.find('s'), names.npos) << i;
    }
    if (within(now, late, one) >= 100 && within(now, late, hit) > within(now, 17.0 / 16, miss)) {
      ASSERT_NE(names.find('q'), names.npos) << i;
    }
  }
  EXPECT_GT(fired, 100U);
}

}  // namespace
}  // namespace tidegate::behavior
