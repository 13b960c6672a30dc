// SPDX-License-Identifier: Apache-2.0
// Decisions as values: what is enforced, by whose word, until when.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/address.hpp"
#include "agent/base/clock.hpp"
#include "agent/base/error.hpp"
#include "agent/base/units.hpp"

namespace tidegate::decisions {

enum class Action { kBlock, kLimit, kMonitor };

std::string_view to_string(Action action);  // "block", "limit", "monitor"
Result<Action> parse_action(std::string_view text);

// A limit decision's rates; at least one.
struct LimitRates {
  std::optional<Rate> packets;
  std::optional<Rate> bytes;
  friend bool operator==(const LimitRates&, const LimitRates&) = default;
};

struct NewDecision {
  Prefix target;
  Action action = Action::kBlock;
  std::string origin = "operator";
  std::string reason;
  std::optional<WallTime> expires;
  LimitRates limit;
  bool forced = false;
  std::string actor;
};

// Times are whole milliseconds: `created` rounded down, `expires` rounded up.
struct Decision : NewDecision {
  std::int64_t id = 0;
  WallTime created;
};

inline constexpr std::size_t kMostReasonBytes = 1024;
inline constexpr std::size_t kMostNameBytes = 128;  // of an origin, an actor, an interface

// One line of text that a terminal may show: valid UTF-8 without control characters, at most `most` bytes.
// `what` starts the message: "reason".
Status check_text(std::string_view what, std::string_view text, std::size_t most);

// Foreign text for a message: what check_text() would refuse is replaced by '?'.
std::string printable(std::string_view text);

// What every decision must fulfil before it is stored: texts as above, an origin, rates exactly for a limit.
Status validate(const NewDecision& decision);

}  // namespace tidegate::decisions
