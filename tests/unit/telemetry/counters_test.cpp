// SPDX-License-Identifier: Apache-2.0
#include "agent/telemetry/counters.hpp"

#include <gtest/gtest.h>

#include "tests/harness/fake_datapath.hpp"

namespace tidegate::telemetry {
namespace {

using std::chrono::seconds;
using testing::empty_counters;

constexpr MonotonicTime kCountingStart = std::chrono::hours(1);
constexpr std::size_t kDropped = 3 * TG_REASON_SLOTS + TG_REASON_SYN_LIMIT;
constexpr std::size_t kPassed = 3 * TG_REASON_SLOTS + TG_REASON_PASSED;

TEST(CounterHistory, TotalsByServiceAndReason) {
  CounterHistory history;
  EXPECT_TRUE(history.view(ServiceNames{}).services.empty());
  auto counters = empty_counters();
  counters.by_service_reason[kDropped] = {7, 700, 2, 200};
  counters.by_service_reason[kPassed] = {0, 0, 100, 10000};
  history.add(counters, kCountingStart);
  const auto view = history.view(ServiceNames({{"api", 3}}));
  ASSERT_EQ(view.services.size(), 1U);
  EXPECT_EQ(view.services[0].name, "api");
  EXPECT_EQ(view.services[0].passed.packets, 102U);
  EXPECT_EQ(view.services[0].dropped.bytes, 700U);
  EXPECT_EQ(view.services[0].would_drop.packets, 2U);
  ASSERT_EQ(view.reasons.size(), 2U);
  EXPECT_EQ(view.reasons[1].name, "syn_limit");
  EXPECT_EQ(view.reasons[1].would_drop.packets, 2U);
  EXPECT_EQ(view.reasons[0].would_drop.packets, 0U);
  EXPECT_EQ(history.exact(ServiceNames({{"api", 3}})).size(), 2U);
}

TEST(CounterHistory, RatesAreOverTheLastSeconds) {
  CounterHistory history;
  auto counters = empty_counters();
  for (int second = 0; second <= 60; ++second) {
    counters.by_service_reason[kDropped].dropped_packets += second < 50 ? 1000 : 10;
    history.add(counters, kCountingStart + seconds(second));
  }
  EXPECT_DOUBLE_EQ(history.view(ServiceNames{}).services[0].dropped_rate.packets_per_second, 10);
  EXPECT_EQ(history.age(kCountingStart + seconds(62)), seconds(2));
}

TEST(CounterHistory, WhatADryRunLetsThroughHasARate) {
  CounterHistory history;
  auto counters = empty_counters();
  for (int second = 0; second <= 10; ++second) {
    counters.by_service_reason[kDropped].passed_packets += 30;
    counters.by_service_reason[kPassed].passed_packets += 70;
    history.add(counters, kCountingStart + seconds(second));
  }
  const auto view = history.view(ServiceNames({{"api", 3}}));
  EXPECT_DOUBLE_EQ(view.services[0].passed_rate.packets_per_second, 100);
  EXPECT_DOUBLE_EQ(view.services[0].would_drop_rate.packets_per_second, 30);
  EXPECT_DOUBLE_EQ(view.reasons[1].would_drop_rate.packets_per_second, 30);
  EXPECT_DOUBLE_EQ(view.reasons[0].would_drop_rate.packets_per_second, 0);
}

TEST(CounterHistory, SlotGivenToAnotherServiceHasNoNegativeRate) {
  CounterHistory history;
  auto counters = empty_counters();
  counters.by_service_reason[kDropped].dropped_packets = 1000;
  history.add(counters, kCountingStart);
  counters.by_service_reason[kDropped].dropped_packets = 1;
  history.add(counters, kCountingStart + seconds(1));
  EXPECT_EQ(history.view(ServiceNames{}).services[0].dropped_rate.packets_per_second, 0);
}

TEST(CounterHistory, InterfaceThatJustCameHasNoRateYet) {
  CounterHistory history;
  auto counters = empty_counters();
  history.add(counters, kCountingStart);
  counters.by_ifindex[4] = {1000, 1, 1, 1};
  history.add(counters, kCountingStart + seconds(1));
  const auto view = history.view(ServiceNames{});
  ASSERT_EQ(view.interfaces.size(), 1U);
  EXPECT_EQ(view.interfaces[0].dropped.packets, 1000U);
  EXPECT_EQ(view.interfaces[0].dropped_rate.packets_per_second, 0);
}

}  // namespace
}  // namespace tidegate::telemetry
