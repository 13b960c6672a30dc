// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/tally.hpp"

#include <gtest/gtest.h>

namespace tidegate::inspection {
namespace {

using inspect::Counter;
using inspect::wire::KeyStatistics;
using inspect::wire::Statistics;

Statistics of_worker(std::uint16_t worker, std::uint64_t requests) {
  Statistics statistics;
  statistics.worker = worker;
  statistics.counters.add(Counter::kRequests, requests);
  statistics.connections = 3;
  statistics.memory_bytes = 100;
  return statistics;
}

TEST(Tally, WorkersAddUpAndLivesToo) {
  Tally tally;
  tally.take(of_worker(0, 5));
  tally.take(of_worker(1, 7));
  tally.take(of_worker(0, 6));
  EXPECT_EQ(tally.total().of(Counter::kRequests), 13U);
  EXPECT_EQ(tally.open_connections(), 6U);
  EXPECT_EQ(tally.memory(), 200U);
  tally.end_life();
  EXPECT_EQ(tally.total().of(Counter::kRequests), 13U);
  EXPECT_EQ(tally.open_connections(), 0U) << "what it held is gone";
  tally.take(of_worker(0, 1));
  EXPECT_EQ(tally.total().of(Counter::kRequests), 14U);
}

TEST(Tally, RecentIsTheLastMinute) {
  Tally tally;
  tally.take(of_worker(0, 5));
  EXPECT_EQ(tally.recent().of(Counter::kRequests), 5U);
  for (int second = 0; second < 60; ++second) tally.sample();
  tally.take(of_worker(0, 8));
  EXPECT_EQ(tally.recent().of(Counter::kRequests), 3U);
}

TEST(Tally, AnInspectorThatCountsBackwardsIsNoHugeNumber) {
  Tally tally;
  tally.take(of_worker(0, 5));
  tally.sample();
  tally.take(of_worker(0, 1));
  EXPECT_EQ(tally.recent().of(Counter::kRequests), 0U);
}

TEST(Tally, TheWorkerThatShedsMostDecides) {
  Tally tally;
  Statistics some = of_worker(0, 0);
  some.shedding = 1;
  some.shed_millionth = 250'000;
  tally.take(some);
  tally.take(of_worker(1, 0));
  EXPECT_EQ(tally.shedding(), 1U);
  EXPECT_DOUBLE_EQ(tally.shed_share(), 0.25);
  some.shedding = 200;
  some.shed_millionth = 4'000'000'000;
  tally.take(some);
  EXPECT_EQ(tally.shedding(), 2U) << "what it claims is bounded";
  EXPECT_DOUBLE_EQ(tally.shed_share(), 1.0);
}

TEST(Tally, KeySourcesOverLivesWithTheAgeOfTheirLastLine) {
  Tally tally;
  KeyStatistics keys;
  keys.sources = {{.id = 1, .accepted = 4, .malformed = 1, .senders = 2}};
  tally.take(keys, MonotonicTime(10));
  tally.take(keys, MonotonicTime(20));
  EXPECT_EQ(tally.source(1).last_seen, MonotonicTime(10));
  tally.end_life();
  keys.sources = {{.id = 1, .accepted = 1, .senders = 1}};
  tally.take(keys, MonotonicTime(30));
  EXPECT_EQ(tally.source(1).figures.accepted, 5U);
  EXPECT_EQ(tally.source(1).figures.malformed, 1U);
  EXPECT_EQ(tally.source(1).figures.senders, 1U);
  EXPECT_EQ(tally.source(1).last_seen, MonotonicTime(30));
  EXPECT_FALSE(tally.source(7).last_seen);
}

TEST(Tally, ASourceThatIsCountedAnewDoesNotMakeTotalsFall) {
  Tally tally;
  KeyStatistics keys;
  keys.sources = {{.id = 1, .accepted = 40, .malformed = 2, .senders = 1}};
  tally.take(keys, MonotonicTime(10));
  keys.sources = {{.id = 1, .accepted = 3, .senders = 1}};
  tally.take(keys, MonotonicTime(20));
  EXPECT_EQ(tally.source(1).figures.accepted, 43U);
  EXPECT_EQ(tally.source(1).figures.malformed, 2U);
  EXPECT_EQ(tally.source(1).last_seen, MonotonicTime(20)) << "its first lines are news";
  tally.take(keys, MonotonicTime(30));
  EXPECT_EQ(tally.source(1).figures.accepted, 43U) << "once";
}

TEST(Tally, HowManySourcesAnInspectorMakesUpIsBounded) {
  Tally tally;
  for (std::uint32_t id = 0; id < 100'000; ++id) {
    KeyStatistics keys;
    keys.sources = {{.id = id, .accepted = 1}};
    tally.take(keys, MonotonicTime(1));
  }
  EXPECT_EQ(tally.source(99'999).figures.accepted, 0U);
}

}  // namespace
}  // namespace tidegate::inspection
