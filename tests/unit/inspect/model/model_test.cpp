// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>

#include "agent/inspect/model/counters.hpp"
#include "agent/inspect/model/hash_key.hpp"
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

// What lies where a value was, which may be over: the compiler has to look.
template <typename Key>
bool is_wiped(const std::byte* where) {
  asm volatile("" ::: "memory");
  return std::all_of(where, where + sizeof(Key), [](std::byte value) { return value == std::byte{0}; });
}

template <typename Key>
struct Place {
  template <typename... Values>
  explicit Place(Values&&... values) : key(new (memory.data()) Key(std::forward<Values>(values)...)) {}
  bool wiped() const { return is_wiped<Key>(memory.data()); }
  alignas(Key) std::array<std::byte, sizeof(Key)> memory{};
  Key* key;
};

HashKey filled(std::byte value) {
  HashKey key;
  key.fill(value);
  return key;
}

TEST(HashKeyTest, IsWipedAtItsEnd) {
  Place<HashKey> place(filled(std::byte{0xa5}));
  EXPECT_EQ(*place.key, filled(std::byte{0xa5}));
  EXPECT_FALSE(place.wiped());
  std::destroy_at(place.key);
  EXPECT_TRUE(place.wiped());
}

TEST(HashKeyTest, IsWipedWhenMovedFrom) {
  Place<HashKey> first(filled(std::byte{0xa5}));
  Place<HashKey> second(std::move(*first.key));
  EXPECT_TRUE(first.wiped());
  EXPECT_EQ(*second.key, filled(std::byte{0xa5}));
  *first.key = std::move(*second.key);
  EXPECT_TRUE(second.wiped());
  EXPECT_EQ(*first.key, filled(std::byte{0xa5}));
  *first.key = std::move(*first.key);
  EXPECT_EQ(*first.key, filled(std::byte{0xa5})) << "not by a move to itself";
  *first.key = HashKey();
  EXPECT_TRUE(first.wiped());
}

TEST(HashKeyTest, IsWipedInSettingsThatAreMovedAndReset) {
  Settings settings;
  settings.identity_key.fill(std::byte{1});
  settings.identity_key_before = filled(std::byte{2});
  const Settings taken = std::move(settings);
  EXPECT_EQ(taken.identity_key, filled(std::byte{1}));
  EXPECT_EQ(taken.identity_key_before, filled(std::byte{2}));
  EXPECT_TRUE(is_wiped<HashKey>(settings.identity_key.data()));          // NOLINT: that is what is looked for
  EXPECT_TRUE(is_wiped<HashKey>(settings.identity_key_before->data()));  // NOLINT
  Settings other = taken;
  const std::byte* const before = other.identity_key_before->data();
  other.identity_key_before.reset();
  EXPECT_TRUE(is_wiped<HashKey>(before));
}

}  // namespace
}  // namespace tidegate::inspect
