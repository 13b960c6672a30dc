// SPDX-License-Identifier: Apache-2.0
// Behaviour rules as values: what agent/config reads and the evaluator acts on. docs/rules.md is the grammar.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/base/units.hpp"
#include "agent/behavior/match.hpp"

namespace tidegate::behavior {

using std::chrono::seconds;

inline constexpr std::size_t kMostRules = 4096;
// What was held back is looked at again after this.
inline constexpr seconds kRetry{60};
inline constexpr std::size_t kMostSteps = 8;
inline constexpr std::uint64_t kMostCount = 1'000'000'000;
inline constexpr std::uint64_t kMostDistinct = 1'000'000;
inline constexpr seconds kLongestWindow = std::chrono::hours(24 * 30);
// Identities are hashed with a key that is replaced every day: nobody is known for longer.
inline constexpr seconds kLongestIdentityWindow = std::chrono::hours(24);

// What a rule counts by: the bits of one or more of these.
enum KeyPart : std::uint8_t { kBySource = 1, kBySession = 2, kByAccount = 4, kByJa4 = 8 };
using KeyParts = std::uint8_t;
std::string format_key(KeyParts parts);  // "source + account"

// At least `count` requests.
struct CountCondition {
  std::uint64_t count = 1;
};
// More than `over` bytes.
struct SumCondition {
  bool requests = false;  // false: of responses
  std::uint64_t over = 0;
};
// More than `over` different values.
struct DistinctCondition {
  DistinctField field{};
  std::uint64_t over = 0;
};
// More than the share `over` of at least `min` requests are such as `of`.
struct RatioCondition {
  Match of;
  double over = 0;
  std::uint64_t min = 1;
};
// At least `count` requests before which, within the window, there was none such as `step`.
struct WithoutCondition {
  Match step;
  std::uint64_t count = 1;
};
// At least `count` requests before which, within the window, the steps were taken in this order.
struct AfterCondition {
  std::vector<Match> steps;  // 1 to kMostSteps
  std::uint64_t count = 1;
};
// At least `count` earlier decisions of these rules.
struct RepeatCondition {
  std::vector<std::string> rules;
  std::uint64_t count = 1;
};

struct Condition {
  seconds within{60};
  std::variant<CountCondition, SumCondition, DistinctCondition, RatioCondition, WithoutCondition, AfterCondition,
               RepeatCondition>
      what;
};

// Each decision on a key that is remembered lasts `factor` times as long as the one before, at most `max`.
struct Escalation {
  double factor = 2;
  seconds max{86400};
  seconds memory{86400};  // after the end of a decision

  seconds after(seconds first, unsigned earlier) const;  // the duration after so many earlier decisions
};

enum class ActionKind : std::uint8_t { kBlock, kLimit, kMonitor };
std::string_view to_string(ActionKind kind);

struct Action {
  ActionKind kind = ActionKind::kBlock;
  seconds duration{600};
  std::optional<Rate> packets{};  // of a limit: at least one
  std::optional<Rate> bytes{};
  std::optional<Escalation> escalate{};
  std::optional<seconds> cooldown{};  // none: as long as the decision lasts
  Rate cap{60, seconds(60)};          // decisions on distinct keys that this rule may enforce
  bool shadow = false;                // decided and reported, not enforced
};

struct Rule {
  std::string name;
  std::optional<std::string> service;  // none: every inspected one
  Match match;
  KeyParts key = kBySource;
  Condition when;
  Action then;
  int priority = 100;  // 0 to 1000; of the rules that fire on one request only the highest are acted on
};

// A source is not blocked for a session or an account while others that behave well share it.
struct NatGuard {
  double share = 0;       // their share of the source's sessions has to reach this
  std::uint64_t min = 1;  // and their number this; 0: no guard
  seconds within{600};    // how long a session counts after its last request
};
inline constexpr std::uint64_t kMostGuardMin = 8;

struct Settings {
  std::uint64_t memory = 64'000'000;  // of all that is remembered of keys
  Rate cap{300, seconds(60)};         // decisions that all rules together may enforce
  NatGuard nat_guard{};
  unsigned ipv4_prefix = 32;  // what counts as one source
  unsigned ipv6_prefix = 64;
  std::vector<Prefix> trusted_proxies{};
  std::vector<std::string> by_account{};  // services that say what an account is and not what a session is; sorted
};

struct RuleSet {
  std::vector<Rule> rules;
  Settings settings;
};

// What the operations of API descriptions are called, for all rules. Before, `operation` matches nothing.
void name_operations(RuleSet& rules, OperationNames names);

// Whether the rule's match or its condition asks for this field.
bool mentions(const Rule& rule, Field field);
// What the match of a rule, or one of its steps, needs of summaries, their kind included: where the rule asks what
// payloads attempt, those that tell of it alone; where the match names `event`, what it says; else requests.
Needs needs_in(const Rule& rule, const Match& match);

// Whether a rule never fires on requests to services without an API description.
bool needs_description(const Rule& rule);

// Why a rule can never fire, in words for the one who wrote it; "": it can. `all` are the rules that it may refer to.
std::string never_fires(const Rule& rule, const std::vector<Rule>& all);

// Why a rule that can fire does not as it stands, or only on what was held back; "": it does.
std::string hardly_fires(const Rule& rule, const std::vector<Rule>& all);

}  // namespace tidegate::behavior
