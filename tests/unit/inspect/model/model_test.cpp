// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "agent/inspect/model/counters.hpp"
#include "agent/inspect/model/memory.hpp"
#include "agent/inspect/model/settings.hpp"

namespace tidegate::inspect {
namespace {

Address address(const char* text) { return *Address::parse(text); }

TEST(CountersTest, NamesAreUniqueAndFitForMetrics) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kCounters; ++i) {
    const std::string name(text_of(static_cast<Counter>(i)).name);
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string::npos) << name;
  }
}

// docs/inspection.md says what each counts, in the same words.
TEST(CountersTest, AreDocumented) {
  std::ifstream file(TIDEGATE_SOURCE_DIR "/docs/inspection.md");
  std::stringstream text;
  text << file.rdbuf();
  for (std::size_t i = 0; i < kCounters; ++i) {
    const CounterText& counter = text_of(static_cast<Counter>(i));
    const std::string row = "| `" + std::string(counter.name) + "` | " + std::string(counter.help) + " |";
    EXPECT_NE(text.str().find(row), std::string::npos) << "missing in docs/inspection.md: " << row;
  }
}

TEST(CountersTest, AddUp) {
  Counters one, other;
  one.add(Counter::kRequests, 2);
  other.add(Counter::kRequests);
  one.add(other);
  EXPECT_EQ(one.of(Counter::kRequests), 3U);
}

TEST(MemoryBudgetTest, RefusesBeyondItsBoundAndTakesBack) {
  MemoryBudget budget(100);
  EXPECT_TRUE(budget.take(60));
  EXPECT_FALSE(budget.take(41));
  EXPECT_TRUE(budget.take(40));
  EXPECT_FALSE(budget.take(~0ULL));
  budget.give_back(100);
  EXPECT_EQ(budget.used(), 0U);
}

TEST(MemoryShareTest, IsBoundedByItselfAndByTheWhole) {
  MemoryBudget whole(100);
  MemoryShare share(whole, 60);
  EXPECT_FALSE(share.take(61));
  EXPECT_TRUE(share.take(30));
  ASSERT_TRUE(whole.take(60));
  EXPECT_FALSE(share.take(11));
  EXPECT_EQ(share.used(), 30U) << "a refusal takes nothing";
  EXPECT_EQ(whole.used(), 90U);
  share.give_back(30);
  EXPECT_EQ(whole.used(), 60U);
}

TEST(SettingsTest, TheFirstServiceThatMatchesWins) {
  Settings settings;
  settings.services.push_back({.name = "here", .ports = {{443, 443}}, .addresses = {*Prefix::parse("192.0.2.0/24")}});
  settings.services.push_back({.name = "there", .ports = {{443, 443}, {8000, 8010}}});
  EXPECT_EQ(service_of(settings, address("192.0.2.7"), 443)->name, "here");
  EXPECT_EQ(service_of(settings, address("2001:db8::1"), 443)->name, "there");
  EXPECT_EQ(service_of(settings, address("192.0.2.7"), 8010)->name, "there");
  EXPECT_EQ(service_of(settings, address("192.0.2.7"), 8011), nullptr);
}

TEST(SettingsTest, AnExcludedServiceKeepsItsConnections) {
  Settings settings;
  settings.services.push_back({.name = "ssh", .ports = {{22, 22}}, .excluded = true});
  settings.services.emplace_back().name = "rest";
  EXPECT_EQ(service_of(settings, address("192.0.2.7"), 22), nullptr);
  EXPECT_EQ(service_of(settings, address("192.0.2.7"), 23)->name, "rest");
}

}  // namespace
}  // namespace tidegate::inspect
