// SPDX-License-Identifier: Apache-2.0
// Looks at the figures of rules again and again: how fast they grow, and what of that an operator should know.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/behavior/evaluator.hpp"
#include "agent/control/rule_report.hpp"

namespace tidegate::control {

// Bounded by the number of rules. Not thread-safe.
class RuleWatch {
 public:
  static constexpr std::chrono::seconds kSpan{3};   // of rates
  static constexpr std::chrono::minutes kTell{10};  // for how long it is said that something went wrong

  // What is not of the evaluator, since the agent started.
  struct Failures {
    std::uint64_t dropped = 0;
    std::uint64_t refused = 0;
  };

  // To be called about once a second.
  void look(const behavior::Evaluator& evaluator, const Failures& failures, MonotonicTime now);
  RuleReport report(const behavior::Evaluator& evaluator, const Failures& failures, MonotonicTime now) const;
  // Other rules came in force.
  void forget();

 private:
  struct Counts {
    std::uint64_t matched = 0;
    std::uint64_t fired = 0;
  };
  struct Look {
    MonotonicTime when{};
    std::vector<Counts> rules;
  };
  // A total, and when it last grew.
  struct Trouble {
    std::uint64_t seen = 0;
    std::optional<MonotonicTime> grew;
    void look(std::uint64_t total, MonotonicTime now);
    bool lately(MonotonicTime now) const { return grew && now - *grew < kTell; }
  };

  void add_rates(RuleReport& report, MonotonicTime now) const;
  void add_warnings(RuleReport& report, MonotonicTime now) const;

  std::deque<Look> looks_;       // oldest first
  std::vector<Trouble> capped_;  // by rule
  Trouble evicted_;
  Trouble dropped_;
  Trouble refused_;
};

}  // namespace tidegate::control
