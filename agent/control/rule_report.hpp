// SPDX-License-Identifier: Apache-2.0
// What behaviour rules do at this moment, in numbers that bound nobody but the policy: no key, no address.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/clock.hpp"

namespace tidegate::control {

using NamedCounts = std::vector<std::pair<std::string_view, std::uint64_t>>;

// Of one rule, since it came in force.
struct RuleFigures {
  std::string name;
  std::string_view action;
  bool shadow = false;
  std::uint64_t matched = 0;
  std::uint64_t fired = 0;
  std::uint64_t enforced = 0;
  std::uint64_t suppressed = 0;
  std::uint64_t evicted = 0;
  std::optional<WallTime> last_fired;
  NamedCounts held_back;          // what was not enforced, by why: "shadow", "monitor", "nat_guard", …; none is 0
  double matched_per_second = 0;  // over about RuleWatch::kSpan
  double fired_per_second = 0;
};

struct RuleReport {
  std::vector<RuleFigures> rules;  // in the order of the policy; empty: none are in force
  std::uint64_t summaries = 0;
  std::uint64_t late = 0;
  std::uint64_t unproven = 0;  // of connections whose client's address may be forged: not counted
  std::uint64_t keys = 0;
  std::uint64_t bytes = 0;
  std::uint64_t budget = 0;
  std::uint64_t evicted = 0;
  std::uint64_t alarms = 0;
  std::uint64_t enforced = 0;
  NamedCounts held_back;      // as above, of all rules
  std::uint64_t dropped = 0;  // findings that came faster than they could be acted on, since the agent started
  std::uint64_t refused = 0;  // findings that guard, store or datapath refused, since the agent started
  std::vector<std::string> warnings;
};

}  // namespace tidegate::control
