// SPDX-License-Identifier: Apache-2.0
// Sliding windows against a list of all events.
#include "agent/behavior/window.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>

#include "agent/behavior/distinct.hpp"
#include "agent/behavior/keyed_hash.hpp"

namespace tidegate::behavior {
namespace {

constexpr Micros kSpan = 60'000'000;

struct Event {
  Micros time;
  std::uint64_t weight;
};

std::uint64_t exact_total(const std::deque<Event>& events, Micros now, Micros span) {
  std::uint64_t total = 0;
  for (const Event& event : events) {
    if (event.time > now - span) total += event.weight;
  }
  return total;
}

std::uint64_t exact_events(const std::deque<Event>& events, Micros now, Micros span) {
  return static_cast<std::uint64_t>(
      std::count_if(events.begin(), events.end(), [&](const Event& e) { return e.time > now - span; }));
}

// Random gaps from bursts to silences, some events out of order.
class Traffic {
 public:
  explicit Traffic(unsigned seed) : random_(seed) {}

  Event next(Micros& now) {
    const auto kind = random_() % 100;
    if (kind < 70) {
      now += static_cast<Micros>(random_() % 2'000'000);
    } else if (kind < 97) {
      now += static_cast<Micros>(random_() % 10'000'000);
    } else {
      now += static_cast<Micros>(random_() % (2 * kSpan));
    }
    const Micros behind = random_() % 10 == 0 ? static_cast<Micros>(random_() % (kSpan / 2)) : 0;
    return {now - behind, random_() % 5000};
  }

 private:
  std::mt19937 random_;
};

void compare(unsigned seed, bool weighted, Micros origin) {
  const Window::Shape shape{.span = kSpan, .weighted = weighted};
  Traffic traffic(seed);
  Window window;
  std::deque<Event> events;
  Micros now = origin;
  bool always_few = true;
  for (int i = 0; i < 3000; ++i) {
    Event event = traffic.next(now);
    if (!weighted) event.weight = 1;
    if (exact_events(events, now, kSpan + kSpan / 16) == 0) always_few = true;
    window.add(shape, event.time, now, event.weight);
    events.push_back(event);
    while (events.size() > 4000) events.pop_front();
    const std::uint64_t exact = exact_total(events, now, kSpan);
    const auto totals = window.totals(shape, now);
    ASSERT_LE(totals.least, exact) << "counted too much: would fire early";
    ASSERT_GE(totals.most, exact);
    ASSERT_GE(totals.least, exact_total(events, now, kSpan - kSpan / 16)) << "more than 1/16 late";
    ASSERT_LE(totals.most, exact_total(events, now, kSpan + kSpan / 16));
    always_few = always_few && exact_events(events, now, kSpan) <= Window::kExact;
    if (always_few) {
      ASSERT_EQ(totals.least, exact) << "exact up to 16 events";
    }
    ASSERT_LE(window.heap_bytes(), weighted ? 256U : 176U);
  }
}

TEST(Windows, AgreeWithAListOfAllEvents) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    compare(seed, false, 1'900'000'000'000'000);
    compare(seed, true, 1'900'000'000'000'000);
    compare(seed, false, 0);
  }
}

TEST(Windows, OfWhichNobodyAsksForMoreThanSixteenStayExact) {
  const Window::Shape shape{.span = kSpan, .newest_only = true};
  Traffic traffic(7);
  Window window;
  std::deque<Event> events;
  Micros now = 5 * kSpan;
  for (int i = 0; i < 5000; ++i) {
    Event event = traffic.next(now);
    event.weight = 1;
    window.add(shape, event.time, now);
    events.push_back(event);
    if (events.size() > 1000) events.pop_front();
    const auto exact = std::min<std::uint64_t>(Window::kExact, exact_total(events, now, kSpan));
    ASSERT_EQ(window.totals(shape, now).least, exact);
    ASSERT_TRUE(window.exact());
  }
}

TEST(Windows, GiveNoDoubleBurstAtABoundary) {
  // Ten a window are too many; nine just before and nine just after any boundary are eighteen within a moment.
  for (Micros boundary = kSpan; boundary < 3 * kSpan; boundary += kSpan / 7) {
    const Window::Shape shape{.span = kSpan, .newest_only = true};
    Window window;
    std::uint64_t most = 0;
    for (int i = 0; i < 18; ++i) {
      const Micros now = boundary - 9000 + 1000 * i;
      window.add(shape, now, now);
      most = std::max(most, window.totals(shape, now).least);
    }
    EXPECT_GE(most, 10U);
  }
}

TEST(Windows, SurviveHostileWeightsAndTimes) {
  const Window::Shape shape{.span = kSpan, .weighted = true};
  Window window;
  for (int i = 0; i < 1000; ++i) window.add(shape, kSpan + i, kSpan + i, UINT64_MAX);
  EXPECT_LE(window.totals(shape, kSpan + 1000).least, std::uint64_t{1} << 61);
  window.add(shape, INT64_MAX / 4, INT64_MAX / 4, 1);
  EXPECT_EQ(window.totals(shape, INT64_MAX / 4).least, 1U);
  EXPECT_TRUE(window.exact()) << "after a silence it begins anew";
}

TEST(Windows, KeepPairsApart) {
  const Window::Shape shape{.span = kSpan, .weighted = true, .pair = true};
  Window window;
  for (int i = 0; i < 100; ++i) window.add(shape, i * 1000, i * 1000, Window::pair(i % 4 == 0));
  const auto totals = window.totals(shape, 100'000);
  EXPECT_EQ(Window::first_of(totals.most), 100U);
  EXPECT_EQ(Window::second_of(totals.most), 25U);
}

std::uint64_t hash_of(std::uint64_t value) { return keyed_hash({}, &value, sizeof(value)); }

TEST(DistinctSets, AreExactWhileSmall) {
  const auto shape = DistinctSet::Shape::of(kSpan);
  std::mt19937 random(3);
  DistinctSet set;
  std::map<std::uint64_t, Micros> seen;
  Micros now = 10 * kSpan;
  for (int i = 0; i < 20000; ++i) {
    now += static_cast<Micros>(random() % 1'500'000);
    const std::uint64_t value = random() % 100;
    set.add(shape, hash_of(value), now, now);
    seen[value] = now;
    const auto exact = std::count_if(seen.begin(), seen.end(), [&](const auto& v) { return v.second > now - kSpan; });
    const auto estimate = set.estimate(shape, now);
    ASSERT_EQ(estimate.least, static_cast<double>(exact));
    ASSERT_EQ(estimate.likely, estimate.least);
  }
  EXPECT_LE(set.heap_bytes(), 1000U);
}

TEST(DistinctSets, OfManyValuesAreNotOverestimated) {
  const auto shape = DistinctSet::Shape::of(kSpan);
  unsigned early = 0;
  unsigned judged = 0;
  double worst = 0;
  for (std::uint64_t trial = 0; trial < 40; ++trial) {
    DistinctSet set;
    for (std::uint64_t i = 0; i < 20000; ++i) {
      const Micros now = kSpan + static_cast<Micros>(i);
      set.add(shape, hash_of(trial << 32 | i), now, now);
      if (i % 100 != 99) continue;
      const auto estimate = set.estimate(shape, now);
      ++judged;
      if (estimate.least > static_cast<double>(i + 1)) ++early;
      worst = std::max(worst, static_cast<double>(i + 1) / estimate.least);
    }
    ASSERT_LE(set.heap_bytes(), 1000U);
  }
  EXPECT_LE(early, judged / 200) << "of " << judged;
  EXPECT_LT(worst, 2.5) << "how late it may be";
}

TEST(DistinctSets, Slide) {
  const auto shape = DistinctSet::Shape::of(kSpan);
  DistinctSet set;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    const Micros now = kSpan + static_cast<Micros>(i) * 100'000;  // 600 different ones a window
    set.add(shape, hash_of(i), now, now);
    if (i > 1000) {
      EXPECT_LT(set.estimate(shape, now).least, 700);
    }
  }
}

TEST(DistinctSets, OfLongWindowsKeepTimeInBounds) {
  const Micros month = 30LL * 24 * 3600 * 1'000'000;
  const auto shape = DistinctSet::Shape::of(month);
  DistinctSet set;
  for (std::uint64_t i = 0; i < 50; ++i) {
    const Micros now = 60 * month + static_cast<Micros>(i) * (month / 100);
    set.add(shape, hash_of(i), now, now);
  }
  const Micros last = 60 * month + 49 * (month / 100);
  EXPECT_EQ(set.estimate(shape, last).least, 50);
  EXPECT_EQ(set.estimate(shape, last + month / 2).least, 50);
  EXPECT_LT(set.estimate(shape, last + month / 4 * 3).least, 30);
}

}  // namespace
}  // namespace tidegate::behavior
