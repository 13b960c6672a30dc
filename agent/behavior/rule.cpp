// SPDX-License-Identifier: Apache-2.0
#include "agent/behavior/rule.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace tidegate::behavior {
namespace {

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};

// What is left of a rule's requests for one field, as far as its matchers say.
std::optional<std::uint64_t> most_values(DistinctField field, const Needs& needs) {
  if (field == DistinctField::kMethod && needs.methods) return needs.methods->size();
  if (field == DistinctField::kStatus) {
    StatusSet left = needs.statuses.value_or(~StatusSet{});
    left[0] = false;  // no response has no status
    return std::min<std::uint64_t>(left.count(), 500);
  }
  const auto words = [](const std::optional<std::vector<Literal>>& paths) -> std::optional<std::uint64_t> {
    if (!paths || !std::all_of(paths->begin(), paths->end(), [](const Literal& l) { return l.whole; }))
      return std::nullopt;
    return paths->size();
  };
  if (field == DistinctField::kPath) return words(needs.paths);
  if (field == DistinctField::kTemplate && needs.templates) return needs.templates->size();
  return std::nullopt;
}

bool fixes(KeyParts key, DistinctField field) {
  return ((key & kBySource) != 0 && field == DistinctField::kSource) ||
         ((key & kBySession) != 0 && field == DistinctField::kSession) ||
         ((key & kByAccount) != 0 && field == DistinctField::kAccount) ||
         ((key & kByJa4) != 0 && field == DistinctField::kJa4);
}

const Rule* rule_named(const std::string& name, const std::vector<Rule>& all) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Rule& other) { return other.name == name; });
  return found == all.end() ? nullptr : &*found;
}

// The most decisions that a repeat can count within its window when each rule decides on a key once in `pause` of it.
// None: one of them has several keys for each of the repeat's.
template <typename Pause>
std::optional<std::uint64_t> most_decisions(const RepeatCondition& condition, const Rule& rule,
                                            const std::vector<Rule>& all, const Pause& pause) {
  std::uint64_t most = 0;
  for (const std::string& name : std::set<std::string>(condition.rules.begin(), condition.rules.end())) {
    const Rule* other = rule_named(name, all);
    if (other == nullptr || other->key != rule.key) return std::nullopt;
    const auto one = static_cast<std::uint64_t>(std::max<std::int64_t>(1, pause(*other).count()));
    most += (static_cast<std::uint64_t>(rule.when.within.count()) + one - 1) / one;
  }
  return most;
}

seconds pause_of(const Rule& rule) { return rule.then.cooldown.value_or(rule.then.duration); }

// What was held back is looked at again sooner.
seconds shortest_pause_of(const Rule& rule) {
  return rule.then.kind == ActionKind::kMonitor ? pause_of(rule) : std::min(pause_of(rule), kRetry);
}

std::string too_many(const RepeatCondition& condition, std::optional<std::uint64_t> most, const Rule& rule) {
  if (!most || condition.count <= *most) return "";
  return "with their cool-downs what it repeats decides at most " + std::to_string(*most) + " times within " +
         format_duration(rule.when.within) + " on one key, and it counts " + std::to_string(condition.count);
}

// Handshakes have nothing that comes with a request.
bool handshakes_have(DistinctField field) { return field == DistinctField::kSource || field == DistinctField::kJa4; }

std::string never(const DistinctCondition& condition, const Rule& rule, const Needs& needs) {
  const std::string name(distinct_info(condition.field).name);
  if (needs.kinds == kHandshakeOnly && !handshakes_have(condition.field)) return "a handshake has no " + name;
  if (fixes(rule.key, condition.field)) return "each key has one " + name + " only";
  const auto most = most_values(condition.field, needs);
  if (!most || *most > condition.over) return "";
  return "its requests have at most " + std::to_string(*most) + " different values of " + name;
}

std::string never(const RepeatCondition& condition, const Rule& rule, const std::vector<Rule>& all) {
  for (const std::string& name : condition.rules) {
    const Rule* found = rule_named(name, all);
    if (found == nullptr) return "no rule is named '" + name + "'";
    if (std::holds_alternative<RepeatCondition>(found->when.what))
      return "rule " + name + " is a repeat itself, whose decisions are not counted";
    if ((rule.key & ~found->key) != 0)
      return "rule " + name + " is keyed by " + format_key(found->key) + " and knows no " +
             format_key(rule.key & static_cast<KeyParts>(~found->key));
  }
  return too_many(condition, most_decisions(condition, rule, all, shortest_pause_of), rule);
}

}  // namespace

std::string format_key(KeyParts parts) {
  constexpr std::array<std::string_view, 4> kNames{"source", "session", "account", "ja4"};
  std::string text;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if ((parts >> i & 1) != 0) text += (text.empty() ? "" : " + ") + std::string(kNames[i]);
  }
  return text;
}

std::string_view to_string(ActionKind kind) {
  constexpr std::array<std::string_view, 3> kNames{"block", "limit", "monitor"};
  return kNames[static_cast<std::size_t>(kind)];
}

seconds Escalation::after(seconds first, unsigned earlier) const {
  const double wanted = static_cast<double>(first.count()) * std::pow(factor, std::min(earlier, 64U));
  if (!(wanted < static_cast<double>(max.count()))) return std::max(first, max);
  return seconds(static_cast<std::int64_t>(wanted));
}

void name_operations(RuleSet& rules, OperationNames names) {
  const auto shared = std::make_shared<const OperationNames>(std::move(names));
  const auto name = [&](Match& match) { name_operations(match, shared); };
  for (Rule& rule : rules.rules) {
    name(rule.match);
    std::visit(
        Overloaded{[&](RatioCondition& c) { name(c.of); }, [&](WithoutCondition& c) { name(c.step); },
                   [&](AfterCondition& c) { std::for_each(c.steps.begin(), c.steps.end(), name); }, [](auto&) {}},
        rule.when.what);
  }
}

bool mentions(const Rule& rule, Field field) {
  if (mentions(rule.match, field)) return true;
  const auto step = [field](const Match& match) { return mentions(match, field); };
  return std::visit(
      Overloaded{[&](const RatioCondition& c) { return step(c.of); },
                 [&](const WithoutCondition& c) { return step(c.step); },
                 [&](const AfterCondition& c) { return std::any_of(c.steps.begin(), c.steps.end(), step); },
                 [](const auto&) { return false; }},
      rule.when.what);
}

Needs needs_in(const Rule& rule, const Match& match) {
  Needs needs = needs_of(match);
  if (mentions(rule, Field::kAttack)) {
    needs.kinds &= kPayloadOnly;
  } else {
    needs.kinds &= names(match, Field::kEvent) ? kEvents : kRequestOnly;
  }
  return needs;
}

bool needs_description(const Rule& rule) {
  if (needs_description(rule.match)) return true;
  return std::visit(Overloaded{[](const RatioCondition& c) { return needs_description(c.of); },
                               [](const AfterCondition& c) {
                                 return std::any_of(c.steps.begin(), c.steps.end(),
                                                    [](const Match& step) { return needs_description(step); });
                               },
                               [](const auto&) { return false; }},
                    rule.when.what);
}

std::string hardly_fires(const Rule& rule, const std::vector<Rule>& all) {
  const auto* repeat = std::get_if<RepeatCondition>(&rule.when.what);
  if (repeat == nullptr) return "";
  const auto in_shadow = [&](const std::string& name) {
    const Rule* other = rule_named(name, all);
    return other != nullptr && other->then.shadow;
  };
  if (!rule.then.shadow && std::all_of(repeat->rules.begin(), repeat->rules.end(), in_shadow))
    return "all that it repeats is in shadow mode, which counts for rules in shadow mode only";
  return too_many(*repeat, most_decisions(*repeat, rule, all, pause_of), rule);
}

std::string never_fires(const Rule& rule, const std::vector<Rule>& all) {
  const Needs needs = needs_in(rule, rule.match);
  if (needs.impossible()) return "no request fulfils all of its `match`";
  const bool handshakes = needs.kinds == kHandshakeOnly && !std::holds_alternative<RepeatCondition>(rule.when.what);
  if (handshakes && (rule.key & (kBySession | kByAccount)) != 0) return "a handshake has no session and no account";
  const auto step = [&](const Match& match) { return needs_in(rule, match).impossible(); };
  return std::visit(
      Overloaded{[&](const DistinctCondition& c) { return never(c, rule, needs); },
                 [&](const RepeatCondition& c) { return never(c, rule, all); },
                 [&](const RatioCondition& c) -> std::string {
                   return both(needs, needs_of(c.of)).impossible() ? "no request of its `match` fulfils `ratio`" : "";
                 },
                 [&](const SumCondition&) -> std::string { return handshakes ? "a handshake has no size" : ""; },
                 [&](const AfterCondition& c) -> std::string {
                   return std::any_of(c.steps.begin(), c.steps.end(), step) ? "no request can be one of its steps" : "";
                 },
                 [](const auto&) { return std::string(); }},
      rule.when.what);
}

}  // namespace tidegate::behavior
