// SPDX-License-Identifier: Apache-2.0
// What rules did, in numbers.
#pragma once

#include <array>
#include <cstdint>

#include "agent/behavior/finding.hpp"
#include "agent/behavior/window.hpp"

namespace tidegate::behavior {

// Of one rule, since it came in force. `fired` is the sum of enforced, shadow, monitored and held_back.
struct RuleStatistics {
  std::uint64_t matched = 0;                          // requests that counted
  std::uint64_t fired = 0;                            // findings, those that were not enforced included
  std::uint64_t enforced = 0;                         // findings that are to be carried out
  std::uint64_t suppressed = 0;                       // would have fired again during the cool-down
  std::uint64_t evicted = 0;                          // keys that made room before their window was over
  std::uint64_t shadow = 0;                           // findings in shadow mode
  std::uint64_t monitored = 0;                        // findings of which the rule wants no more than a report
  std::array<std::uint64_t, kObstacles> held_back{};  // the others, by Obstacle
  Micros last_fired = kNever;

  std::uint64_t capped() const {
    return held_back[static_cast<std::size_t>(Obstacle::kRuleCap)] +
           held_back[static_cast<std::size_t>(Obstacle::kGlobalCap)];
  }
};

// Of all rules, since they came in force.
struct Statistics {
  std::uint64_t summaries = 0;
  std::uint64_t late = 0;      // of a time that lies too far back to be counted
  std::uint64_t unproven = 0;  // of connections whose client's address may be forged: not counted
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;
  // That the tables of keys never exceed by more than what one key takes. `bytes` has beside them what does not grow
  // with keys: below 2.5 MB, and 16 KiB for each rule whose steps had to be forgotten.
  std::uint64_t budget = 0;
  std::uint64_t evicted = 0;
  std::uint64_t alarms = 0;
  std::array<std::uint64_t, kObstacles> held_back{};  // by Obstacle
};

}  // namespace tidegate::behavior
