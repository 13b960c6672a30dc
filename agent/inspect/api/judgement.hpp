// SPDX-License-Identifier: Apache-2.0
// Whether a text fits a schema.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "agent/inspect/model/api_description.hpp"

namespace re2 {
class RE2;
}

namespace tidegate::inspect::api {

// What is not certain is never held against anybody.
enum class Judgement : std::uint8_t { kFits, kViolates, kUnknown };

// A pattern ready for use; nullptr where RE2 does not take it within kMostApiRegex. RE2 at most touches its caches, and
// is thread-safe.
class Patterns {
 public:
  explicit Patterns(std::span<const std::string> expressions);
  ~Patterns();
  Patterns(const Patterns&) = delete;
  Patterns& operator=(const Patterns&) = delete;

  // Pattern `index`, from 1.
  Judgement judge(std::uint32_t index, std::string_view text) const;

 private:
  std::vector<std::unique_ptr<re2::RE2>> patterns_;
};

// "": RE2 takes the expression within kMostApiRegex; else why not.
std::string pattern_problem(const std::string& expression);

// Judges one value, taken out of its encoding. A text may be read as any JSON value that it spells: it violates a
// schema when it does so however it is read. At most kMostSteps schemas are looked at, beyond that nothing is known.
class ValueJudge {
 public:
  static constexpr unsigned kMostSteps = 256;
  static constexpr unsigned kDeepest = 16;

  ValueJudge(const std::vector<ApiSchema>& schemas, const Patterns& patterns)
      : schemas_(schemas), patterns_(patterns) {}

  Judgement judge(std::uint32_t schema, std::string_view text);

 private:
  // A text, read as one kind of value.
  struct Instance {
    ApiType type = kApiString;
    std::string_view text;
    const Decimal* number = nullptr;
    std::optional<std::size_t> characters;  // of a string; none: not UTF-8
  };

  Judgement judge(std::uint32_t schema, const Instance& instance, unsigned depth);
  Judgement alone(const ApiSchema& schema, const Instance& instance) const;
  Judgement composed(const ApiSchema& schema, const Instance& instance, unsigned depth);

  const std::vector<ApiSchema>& schemas_;
  const Patterns& patterns_;
  unsigned steps_ = 0;
};

}  // namespace tidegate::inspect::api
