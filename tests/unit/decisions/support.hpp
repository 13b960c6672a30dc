// SPDX-License-Identifier: Apache-2.0
// What the tests of durable state share.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "agent/decisions/store.hpp"

namespace tidegate::decisions::test {

// A directory of its own, gone at the end.
class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "tidegate-unit-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline Prefix prefix(const char* text) {
  const auto parsed = Prefix::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Prefix{});
}

inline Address address(const char* text) {
  const auto parsed = Address::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Address{});
}

inline NewDecision block(const char* target, std::string origin = "operator") {
  NewDecision decision;
  decision.target = prefix(target);
  decision.origin = std::move(origin);
  return decision;
}

inline NewDecision until(NewDecision decision, WallTime expires) {
  decision.expires = expires;
  return decision;
}

inline NewDecision limit(const char* target, LimitRates rates, std::string origin = "operator") {
  NewDecision decision = block(target, std::move(origin));
  decision.action = Action::kLimit;
  decision.limit = rates;
  return decision;
}

// Of `count` different addresses in 198.18.0.0/15 and beyond.
inline std::vector<NewDecision> blocks(std::size_t count) {
  std::vector<NewDecision> all(count);
  for (std::size_t i = 0; i < count; ++i) {
    all[i].target = Prefix::host(Address::from_v4(0xc6120000U + static_cast<std::uint32_t>(i)));
    all[i].reason = "imported list";
  }
  return all;
}

// The value, or the error as the test's failure.
template <typename T>
T value_of(Result<T> result) {
  EXPECT_TRUE(result) << result.error().message;
  return result ? std::move(*result) : T{};
}

inline std::vector<Decision> put(Store& store, std::vector<NewDecision> decisions) {
  return value_of(store.put(decisions));
}

inline std::vector<Decision> all_of(const Store& store, const Query& query = {}) {
  std::vector<Decision> all;
  const Status status = store.each(query, [&](const Decision& decision) {
    all.push_back(decision);
    return true;
  });
  EXPECT_TRUE(status) << status.error().message;
  return all;
}

inline Effect effect_of(const Store& store, const char* target) {
  const Prefix wanted = prefix(target);
  const auto effects = value_of(store.effects({&wanted, 1}));
  return effects.empty() ? Effect{} : effects.front();
}

}  // namespace tidegate::decisions::test
