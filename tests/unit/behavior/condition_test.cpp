// SPDX-License-Identifier: Apache-2.0
// Each condition, at its threshold and just below.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <set>

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

constexpr const char* kPayment =
    "{name: r, match: {path: /pay}, when: {without: {path: /checkout}, within: 1s, count: 1}, then: {action: block, "
    "for: "
    "1s, cap: 100000/s}}";
std::string source_of(int number) { return "2001:db8:0:" + std::to_string(number) + "::1"; }

// Of each source a payment; of two in three a checkout up to 30 ms before it. Each is told of up to 20 ms late.
TEST(Without, AccusesNobodyWhoseStepIsToldOfAMomentLate) {
  struct Told {
    std::chrono::microseconds at;
    Request request;
  };
  std::mt19937 random(5);
  std::vector<Told> all;
  std::set<std::string> guilty;
  const auto tell = [&](std::chrono::microseconds when, const std::string& source, const char* path) {
    all.push_back(
        {when + std::chrono::microseconds(random() % 20'000), {.when = when, .source = source, .path = path}});
  };
  for (int i = 0; i < 3000; ++i) {
    const auto when = 2s + std::chrono::microseconds(3000 * i);
    tell(when, source_of(i), "/pay");
    if (i % 3 == 0) guilty.insert(source_of(i));
    if (i % 3 != 0) tell(when - std::chrono::microseconds(1 + random() % 30'000), source_of(i), "/checkout");
  }
  std::stable_sort(all.begin(), all.end(), [](const Told& a, const Told& b) { return a.at < b.at; });
  Evaluator evaluator(rules_of(kPayment, "behavior: {cap: 100000/s}\n"), {});
  std::vector<Finding> findings;
  evaluator.take(summary_of({.when = 0s}), findings);
  for (const Told& told : all) evaluator.take(summary_of(told.request), findings);
  evaluator.judge(evaluator.held_so_far(), findings);
  std::set<std::string> accused;
  for (const Finding& finding : findings) accused.insert(finding.target->address.to_string());
  for (const std::string& source : guilty) {
    EXPECT_TRUE(accused.contains(Prefix::around(Address::parse(source).value(), 64).address.to_string())) << source;
  }
  EXPECT_EQ(accused.size(), guilty.size());
}

TEST(Without, JudgesWhenALaterRequestIsSeen) {
  Evaluator evaluator(rules_of(kPayment), {});
  std::vector<Finding> findings;
  const auto take = [&](std::chrono::nanoseconds when, const std::string& path, const std::string& source) {
    findings.clear();
    evaluator.take(summary_of({.when = when, .source = source, .path = path}), findings);
    return findings.size();
  };
  take(0s, "/", "192.0.2.2");
  EXPECT_EQ(take(10s, "/pay", "192.0.2.1"), 0U);
  EXPECT_TRUE(evaluator.holds());
  EXPECT_EQ(take(10s + 19ms, "/", "192.0.2.2"), 0U);
  ASSERT_EQ(take(10s + 20ms, "/", "192.0.2.2"), 1U);
  EXPECT_EQ(findings[0].target->to_string(), "192.0.2.1");
  EXPECT_EQ(findings[0].time, kStart + 10s);
  EXPECT_THAT(findings[0].evidence.examples.back().path_template, "/pay");
  EXPECT_FALSE(evaluator.holds());
}

TEST(Without, HoldsFewBackAndAccusesNobodyElse) {
  Evaluator evaluator(rules_of(kPayment, "behavior: {cap: 100000/s}\n"), {});
  std::vector<Finding> findings;
  evaluator.take(summary_of({.when = 0s}), findings);
  for (int i = 0; i < 3000; ++i)
    evaluator.take(summary_of({.when = 10s, .source = source_of(i), .path = "/pay"}), findings);
  EXPECT_TRUE(findings.empty());
  evaluator.take(summary_of({.when = 11s}), findings);
  EXPECT_EQ(findings.size(), Evaluator::kMostHeld);
  EXPECT_EQ(evaluator.statistics_of(0).evicted, 3000 - Evaluator::kMostHeld);
  EXPECT_EQ(evaluator.statistics().evicted, 3000 - Evaluator::kMostHeld);
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

struct Past {
  int second;
  std::string path;
};

bool some_chain_before(const std::deque<Past>& past, int second) {
  const auto is = [&](std::size_t i, const char* path, int after) {
    return past[i].second > after && past[i].second < second && (past[i].path == path || past[i].path == "/x");
  };
  for (std::size_t a = 0; a < past.size(); ++a) {
    if (!is(a, "/a", second - 60)) continue;
    for (std::size_t b = 0; b < past.size(); ++b) {
      if (!is(b, "/b", past[a].second)) continue;
      for (std::size_t c = 0; c < past.size(); ++c) {
        if (is(c, "/c", past[b].second)) return true;
      }
    }
  }
  return false;
}

// Random requests, some of which are told of up to `disorder` requests late. Returns chains that were found and missed;
// one that nobody walked fails the test.
std::pair<unsigned, unsigned> search_chains(unsigned seed, unsigned disorder) {
  std::mt19937 random(seed);
  Trial trial(
      "{name: r, match: {path: /m}, when: {after: [{path: [/a, /x]}, {path: [/b, /x]}, {path: [/c, /x]}], within: 1m}, "
      "then: {action: monitor, for: 1s, cooldown: 1s}}");
  const std::vector<std::string> paths{"/a", "/b", "/c", "/x", "/m", "/m"};
  std::vector<Past> told;
  for (int second = 0; told.size() < 4000;) {
    second += 2 + static_cast<int>(random() % 30);
    told.push_back({second, paths[random() % paths.size()]});
  }
  for (std::size_t i = disorder; i < told.size() && disorder > 0; i += 1 + random() % 4) {
    std::swap(told[i], told[i - random() % (disorder + 1)]);
  }
  std::deque<Past> past;
  std::pair<unsigned, unsigned> found{0, 0};
  for (const Past& one : told) {
    const bool holds = !trial.take({.when = std::chrono::seconds(one.second), .path = one.path}).empty();
    const bool expected = one.path == "/m" && some_chain_before(past, one.second);
    EXPECT_TRUE(expected || !holds) << "nobody walked it, at " << one.second;
    ++(holds ? found.first : found.second);
    if (!expected) --(holds ? found.first : found.second);
    past.push_back(one);
    if (past.size() > 40) past.pop_front();
  }
  return found;
}

// The latest chain of steps against all of them.
TEST(After, AgreesWithASearchOfAllChains) {
  const auto [found, missed] = search_chains(11, 0);
  EXPECT_GT(found, 50U);
  EXPECT_EQ(missed, 0U);
}

TEST(After, NeverTakesStepsForOnesInOrderThatWereNot) {
  for (unsigned disorder = 1; disorder <= 3; ++disorder) {
    const auto [found, missed] = search_chains(disorder, disorder);
    EXPECT_GT(found, 10U);
    EXPECT_GT(missed, 0U) << "otherwise say so in docs/rules.md";
  }
}

TEST(After, ComparesTheTimesOfRequests) {
  Trial trial(rule("match: {path: /c}, when: {after: [{path: /a}, {path: /b}], within: 1m}"));
  trial.take({.when = 5s, .path = "/a"});
  trial.take({.when = 3s, .path = "/b"});
  EXPECT_THAT(trial.fire({.when = 6s, .path = "/c"}), IsEmpty()) << "b was before a";
  trial.take({.when = 8s, .path = "/b"});
  EXPECT_THAT(trial.fire({.when = 7s, .path = "/c"}), IsEmpty()) << "c was before b";
  EXPECT_THAT(trial.fire({.when = 9s, .path = "/c"}), ElementsAre("r!"));
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
