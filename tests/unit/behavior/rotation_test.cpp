// SPDX-License-Identifier: Apache-2.0
// The key of identities is replaced daily, and what is known of them goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/behavior/support.hpp"

namespace tidegate::behavior {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What an identity is called under the key of one epoch: nothing like under another.
inspect::IdentityHash named(const inspect::IdentityHash& identity, unsigned epoch) {
  inspect::IdentityHash name = identity;
  for (std::size_t i = 0; i < name.size(); ++i) name[i] ^= static_cast<std::byte>(epoch * (17 + i));
  name[15] = static_cast<std::byte>(epoch);
  return name;
}

inspect::Summary in_epoch(const Request& request, unsigned epoch) {
  inspect::Summary summary = summary_of(request);
  const auto rename = [epoch](auto& identity, auto& before) {
    if (!identity) return;
    if (epoch > 0) before = named(*identity, epoch - 1);
    identity = named(*identity, epoch);
  };
  rename(summary.session, summary.session_before);
  rename(summary.account, summary.account_before);
  return summary;
}

std::vector<Finding> take(Evaluator& evaluator, const inspect::Summary& summary) {
  std::vector<Finding> findings;
  evaluator.take(summary, findings);
  return findings;
}

// What a finding says, but for the names of identities.
std::string told(const Finding& finding) {
  Finding copy = finding;
  if (copy.key.session) copy.key.session.emplace();
  if (copy.key.account) copy.key.account.emplace();
  return copy.rule + " " + describe(copy) + " " + std::to_string(copy.duration.count()) + " " +
         std::to_string(copy.repetition) + " " + std::string(to_string(copy.obstacle)) + " " +
         (copy.target ? copy.target->to_string() : "-") + " " + std::to_string(copy.time.time_since_epoch().count());
}

constexpr const char* kThen =
    "then: {action: block, for: 20m, cooldown: 5m, escalate: {factor: 2, max: 24h, memory: 20h}}}";

std::string rule(const std::string& name, const std::string& key, const std::string& when,
                 const std::string& match = "") {
  return "{name: " + name + ", key: " + key + (match.empty() ? "" : ", match: " + match) + ", when: " + when + ", " +
         kThen;
}

// Every condition, by every kind of key that has an identity.
std::string rules_of_all_kinds() {
  std::string text = rule("accounts", "source", "{distinct: account, over: 9, within: 20h}") + ", " +
                     rule("sessions", "source", "{distinct: session, over: 12, within: 4h}");
  int number = 0;
  for (const char* key : {"session", "account", "[source, session]", "[session, account]", "[account, ja4]"}) {
    const std::string n = std::to_string(number++);
    text += ", " + rule("count" + n, key, "{count: 7, within: 9h}", "{status: 401}");
    text += ", " + rule("many" + n, key, "{count: 40, within: 24h}");
    text += ", " + rule("sum" + n, key, "{sum: response_bytes, over: 30kB, within: 12h}");
    text += ", " + rule("distinct" + n, key, "{distinct: path, over: 6, within: 6h}");
    text += ", " + rule("ratio" + n, key, "{ratio: {status: 401}, over: 0.3, min: 8, within: 8h}");
    text += ", " + rule("without" + n, key, "{without: {path: /p1}, within: 5h, count: 3}", "{path: /p2}");
    text += ", " + rule("after" + n, key, "{after: [{path: /p3}, {path: /p4}], within: 5h, count: 2}", "{path: /p5}");
    text += ", " + rule("again" + n, key, "{repeat: [count" + n + ", distinct" + n + "], count: 2, within: 24h}");
  }
  return text;
}

Request random_request(std::mt19937& random, std::chrono::nanoseconds when) {
  const auto one = [&](unsigned of) { return static_cast<unsigned>(random() % of); };
  Request request{
      .when = when, .source = "192.0.2." + std::to_string(1 + one(5)), .path = "/p" + std::to_string(one(9))};
  request.status = one(5) == 0 ? 401 : 200;
  const unsigned who = one(20);
  if (one(8) != 0) request.session = who;
  if (one(3) != 0) request.account = 100 + who + one(2);
  return request;
}

class Rotations : public ::testing::TestWithParam<unsigned> {};

TEST_P(Rotations, ChangeNoFinding) {
  std::mt19937 random(GetParam());
  const std::string rest = "behavior: {nat_guard: {min: 2, within: 10m}, cap: 100000/m}\n";
  Evaluator steady(rules_of(rules_of_all_kinds(), rest), HashSeed{});
  Evaluator rotated(rules_of(rules_of_all_kinds(), rest), HashSeed{});
  std::size_t found = 0;
  std::chrono::nanoseconds when = 1s;
  const auto day = std::chrono::hours(24);
  while (when < 3 * day) {
    when += std::chrono::milliseconds(1 + random() % 200'000);
    const Request request = random_request(random, when);
    const auto epoch = static_cast<unsigned>((when + 11h) / day);  // three of them, two changes and one more
    const auto expected = take(steady, summary_of(request));
    const auto actual = take(rotated, in_epoch(request, epoch));
    ASSERT_EQ(actual.size(), expected.size()) << "after " << when / 1s << " s";
    for (std::size_t i = 0; i < actual.size(); ++i) ASSERT_EQ(told(actual[i]), told(expected[i])) << when / 1s;
    found += actual.size();
  }
  EXPECT_GT(found, 300U);
  EXPECT_LE(rotated.statistics().keys, steady.statistics().keys + 200) << "what moved left nothing behind";
}

INSTANTIATE_TEST_SUITE_P(Seeds, Rotations, ::testing::Values(1U, 2U, 3U));

constexpr const char* kTen = "{name: r, key: session, when: {count: 3, within: 1h}, then: {action: block, for: 1h}}";

// A request that was under way at the change comes with the old name alone, when the new one is known already.
TEST(Rotation, FindsRequestsThatWereUnderWay) {
  Trial trial(kTen);
  EXPECT_THAT(take(trial.evaluator, in_epoch({.when = 1s, .session = 1}, 0)), IsEmpty());
  EXPECT_THAT(take(trial.evaluator, in_epoch({.when = 2s, .session = 1}, 1)), IsEmpty());
  EXPECT_EQ(take(trial.evaluator, in_epoch({.when = 3s, .session = 1}, 0)).size(), 1U);
}

TEST(Rotation, OfWhatIsNotKnownBeginsAnew) {
  Trial trial(kTen);
  EXPECT_THAT(take(trial.evaluator, in_epoch({.when = 1s, .session = 1}, 0)), IsEmpty());
  EXPECT_THAT(take(trial.evaluator, in_epoch({.when = 2s, .session = 1}, 2)), IsEmpty());
  EXPECT_THAT(take(trial.evaluator, in_epoch({.when = 3s, .session = 1}, 2)), IsEmpty());
  EXPECT_EQ(take(trial.evaluator, in_epoch({.when = 4s, .session = 1}, 2)).size(), 1U);
}

TEST(Rotation, DoesNotMakeOneAccountTwo) {
  DistinctSet set;
  const auto shape = DistinctSet::Shape::of(micros(24h));
  const auto hash = [](std::uint64_t number) { return keyed_hash(HashSeed{}, &number, sizeof number); };
  for (std::uint64_t i = 0; i < 100; ++i) set.add(shape, hash(i), 1000, 1000);
  for (std::uint64_t i = 0; i < 50; ++i) {
    EXPECT_TRUE(set.rename(hash(i), hash(1000 + i)));
    set.add(shape, hash(1000 + i), 2000, 2000);
  }
  EXPECT_FALSE(set.rename(hash(3), hash(1003)));
  EXPECT_TRUE(set.rename(hash(60), hash(1000))) << "both are there: it is one from now on";
  EXPECT_EQ(set.estimate(shape, 2000).likely, 99);
}

// Beyond what is kept whole, the sample stays one of as many.
TEST(Rotation, KeepsEstimatesWhatTheyAre) {
  DistinctSet set;
  const auto shape = DistinctSet::Shape::of(micros(24h));
  const auto hash = [](std::uint64_t number) { return keyed_hash(HashSeed{}, &number, sizeof number); };
  for (std::uint64_t i = 0; i < 20'000; ++i) set.add(shape, hash(i), 1000, 1000);
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    set.rename(hash(i), hash(100'000 + i));
    set.add(shape, hash(100'000 + i), 2000, 2000);
    ASSERT_LE(set.estimate(shape, 2000).least, 20'000) << i;
  }
  EXPECT_NEAR(set.estimate(shape, 2000).likely, 20'000, 6000);
}

TEST(Rotation, OfATableLosesNothing) {
  struct Judge {
    static double worth(const KeyState&) { return 1; }
    static void evicted(std::uint64_t, const KeyState&) {}
  } judge;
  BoundedTable<KeyState, Judge> table(10'000'000, judge);
  const Window::Shape shape{.span = 1'000'000'000};
  for (std::uint64_t key = 1; key <= 3000; ++key) {
    table.update(key, [&](KeyState& state) {
      state.rule = static_cast<std::uint32_t>(key);
      for (Micros i = 0; i < 5; ++i) state.data.emplace<Window>().add(shape, i, 10);
    });
  }
  const std::uint64_t bytes = table.bytes();
  for (std::uint64_t key = 1; key <= 3000; ++key) EXPECT_TRUE(table.rename(key, key + 10'000));
  EXPECT_FALSE(table.rename(1, 2));
  EXPECT_EQ(table.size(), 3000U);
  EXPECT_LE(table.bytes(), bytes * 2) << "slots may have grown, windows not";
  for (std::uint64_t key = 1; key <= 3000; ++key) {
    ASSERT_EQ(table.find(key), nullptr);
    ASSERT_EQ(table.find(key + 10'000)->rule, key);
  }
  for (std::uint64_t key = 1; key <= 3000; ++key) table.erase(key + 10'000);
  EXPECT_EQ(table.size(), 0U);
}

}  // namespace
}  // namespace tidegate::behavior
