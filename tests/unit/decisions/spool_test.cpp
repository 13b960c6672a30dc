// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/spool.hpp"

#include <algorithm>
#include <random>

#include "tests/unit/decisions/support.hpp"

namespace tidegate::decisions {
namespace {

using namespace std::chrono_literals;
using test::value_of;

TEST(Spool, KeepsEveryField) {
  const test::TempDir directory;
  auto spool = value_of(Spool::create(directory.path()));
  NewDecision decision =
      test::limit("2001:db8::/32", {.packets = Rate{100, 60s}, .bytes = Rate{5'000'000'000, 1s}}, "feed:x");
  decision.reason = "because: “so”";
  decision.expires = WallTime(1'900'000'000s) + 5ms;
  decision.forced = true;
  decision.actor = "uid:1000";
  ASSERT_TRUE(spool->add(decision));
  EXPECT_EQ(spool->size(), 1U);
  const auto next = value_of(spool->drain());
  const NewDecision* read = value_of(next());
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->target, decision.target);
  EXPECT_EQ(read->action, decision.action);
  EXPECT_EQ(read->origin, decision.origin);
  EXPECT_EQ(read->reason, decision.reason);
  EXPECT_EQ(read->expires, decision.expires);
  EXPECT_EQ(read->limit, decision.limit);
  EXPECT_EQ(read->forced, decision.forced);
  EXPECT_EQ(read->actor, decision.actor);
  EXPECT_EQ(value_of(next()), nullptr);
}

TEST(Spool, AnEmptyOneEndsAtOnce) {
  const test::TempDir directory;
  auto spool = value_of(Spool::create(directory.path()));
  const auto next = value_of(spool->drain());
  EXPECT_EQ(value_of(next()), nullptr);
}

// More than one run, with texts that cross every buffer boundary.
TEST(Spool, MergesRunsInOrderAndTheLastOfEqualsComesLast) {
  const test::TempDir directory;
  auto spool = value_of(Spool::create(directory.path()));
  std::mt19937 random(7);
  constexpr std::uint32_t kCount = 60'000;
  for (std::uint32_t i = 0; i < kCount; ++i) {
    NewDecision decision;
    decision.target = Prefix::host(Address::from_v4(static_cast<std::uint32_t>(random() % 20'000)));
    decision.reason = std::to_string(i) + std::string(random() % 1000, 'r');
    ASSERT_TRUE(spool->add(decision));
  }
  const auto next = value_of(spool->drain());
  Prefix last;
  int last_number = -1;
  std::uint32_t seen = 0;
  while (const NewDecision* decision = value_of(next())) {
    const int number = std::stoi(decision->reason);
    if (seen > 0 && decision->target == last) {
      ASSERT_GT(number, last_number);
    } else {
      ASSERT_TRUE(seen == 0 || last < decision->target);
    }
    last = decision->target;
    last_number = number;
    ++seen;
  }
  EXPECT_EQ(seen, kCount);
  EXPECT_TRUE(std::filesystem::is_empty(directory.path())) << "the file has a name";
}

TEST(Spool, RefusesWhatTheStoreWould) {
  const test::TempDir directory;
  auto spool = value_of(Spool::create(directory.path()));
  NewDecision decision = test::block("192.0.2.1");
  decision.reason = std::string(kMostReasonBytes + 1, 'x');
  EXPECT_FALSE(spool->add(decision));
  EXPECT_EQ(spool->size(), 0U);
}

TEST(Spool, ADirectoryThatIsNotThereIsNamed) {
  const auto spool = Spool::create("/nonexistent/tidegate");
  ASSERT_FALSE(spool);
  EXPECT_NE(spool.error().message.find("/nonexistent/tidegate"), std::string::npos);
}

}  // namespace
}  // namespace tidegate::decisions
