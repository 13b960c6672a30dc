// SPDX-License-Identifier: Apache-2.0
#include "agent/config/condition_reader.hpp"

#include <algorithm>
#include <array>

namespace tidegate::config {
namespace {

using policy::in_quotes;

constexpr std::array<std::string_view, 6> kForms{"sum", "distinct", "ratio", "without", "after", "repeat"};
constexpr std::uint64_t kMostRepeated = 64;

// Reads the members of one `when`.
class ConditionReader {
 public:
  ConditionReader(const Node& node, const std::string& what, const Values& values, RuleMatches& matches)
      : node_(node), what_(what), values_(values), matches_(matches), map_(node, what, values.report()) {}

  behavior::Condition read() {
    behavior::Condition condition;
    const Node* within = map_.require("within");
    if (const auto span = values_.duration(within, what_ + " within")) condition.within = *span;
    if (condition.within > behavior::kLongestWindow) {
      values_.error(within->location, what_ + " within is longer than " + format_duration(behavior::kLongestWindow));
      condition.within = behavior::kLongestWindow;
    }
    read_form(condition);
    map_.finish();
    return condition;
  }

 private:
  void read_form(behavior::Condition& condition) {
    std::string_view form;
    for (const std::string_view name : kForms) {
      if (!map_.has(name)) continue;
      if (!form.empty()) {
        values_.error(node_.location, what_ +
                                          " has more than one of sum, distinct, ratio, without, after and repeat; "
                                          "make a rule of each");
        return skip();
      }
      form = name;
    }
    if (form == "sum") condition.what = sum();
    if (form == "distinct") condition.what = distinct();
    if (form == "ratio") condition.what = ratio();
    if (form == "without") condition.what = without();
    if (form == "after") condition.what = after();
    if (form == "repeat") condition.what = repeat();
    if (form.empty()) condition.what = behavior::CountCondition{count(true)};
  }

  // What is reported already is not to be reported as unknown.
  void skip() {
    for (const std::string_view name : kForms) map_.take(name);
    for (const std::string_view name : {"count", "over", "min"}) map_.take(name);
  }

  std::uint64_t count(bool required) {
    const Node* node = required ? map_.require("count") : map_.take("count");
    return values_.whole(node, what_ + " count", 1, behavior::kMostCount).value_or(1);
  }

  behavior::SumCondition sum() {
    behavior::SumCondition condition;
    const auto of = values_.choice(map_.take("sum"), what_ + " sum", {"response_bytes", "request_bytes"});
    condition.requests = of == 1U;
    condition.over = values_.bytes(map_.require("over"), what_ + " over").value_or(0);
    return condition;
  }

  behavior::DistinctCondition distinct() {
    behavior::DistinctCondition condition;
    const Node* node = map_.take("distinct");
    std::vector<std::string_view> names;
    for (const auto& info : behavior::distinct_fields()) names.push_back(info.name);
    if (const auto text = values_.text(node, what_ + " distinct")) {
      const auto found = std::find(names.begin(), names.end(), *text);
      if (found == names.end()) {
        values_.error(node->location, what_ + " distinct: unknown " + in_quotes(*text) + suggestion(*text, names));
      } else {
        condition.field = behavior::distinct_fields()[static_cast<std::size_t>(found - names.begin())].field;
      }
    }
    condition.over = values_.whole(map_.require("over"), what_ + " over", 1, behavior::kMostDistinct).value_or(1);
    return condition;
  }

  behavior::RatioCondition ratio() {
    behavior::RatioCondition condition;
    condition.of = matches_.read(map_.take("ratio"), what_ + " ratio");
    const Node* over = map_.require("over");
    const auto share = values_.fraction(over, what_ + " over", 0, 1);
    if (share && *share >= 1) values_.error(over->location, what_ + " over 1 can never fire; use less than 1");
    condition.over = share.value_or(0);
    condition.min = values_.whole(map_.require("min"), what_ + " min", 1, behavior::kMostCount).value_or(1);
    return condition;
  }

  behavior::WithoutCondition without() {
    behavior::WithoutCondition condition;
    condition.step = matches_.read(map_.take("without"), what_ + " without");
    condition.count = count(true);
    return condition;
  }

  behavior::AfterCondition after() {
    behavior::AfterCondition condition;
    const Node* node = map_.take("after");
    if (node != nullptr && node->is_map()) condition.steps.push_back(matches_.read(node, what_ + " after"));
    if (node != nullptr && !node->is_map()) {
      const auto items = values_.list(node, what_ + " after", false);
      if (node->is_sequence() && (items.empty() || items.size() > behavior::kMostSteps)) {
        values_.error(node->location,
                      what_ + " after has to have 1 to " + std::to_string(behavior::kMostSteps) + " steps");
      }
      for (std::size_t i = 0; i < std::min(items.size(), behavior::kMostSteps); ++i) {
        condition.steps.push_back(matches_.read(items[i], what_ + " after"));
      }
    }
    condition.count = count(false);
    return condition;
  }

  behavior::RepeatCondition repeat() {
    behavior::RepeatCondition condition;
    const Node* node = map_.take("repeat");
    for (const Node* item : values_.list(node, what_ + " repeat", true)) {
      if (const auto name = values_.name(item, what_ + " repeat")) condition.rules.push_back(*name);
    }
    if (node != nullptr && (condition.rules.empty() || condition.rules.size() > kMostRepeated))
      values_.error(node->location, what_ + " repeat has to name 1 to " + std::to_string(kMostRepeated) + " rules");
    condition.count = count(true);
    return condition;
  }

  const Node& node_;
  const std::string& what_;
  const Values& values_;
  RuleMatches& matches_;
  MapReader map_;
};

std::optional<behavior::Escalation> read_escalation(const Node* node, const std::string& what,
                                                    std::optional<std::chrono::seconds> first, const Values& values) {
  if (node == nullptr) return std::nullopt;
  MapReader map(*node, what, values.report());
  behavior::Escalation escalation;
  escalation.factor = values.fraction(map.require("factor"), what + " factor", 1, 1000).value_or(1);
  const Node* most_node = map.require("max");
  const auto most = values.duration(most_node, what + " max");
  if (most && first && *most < *first) values.error(most_node->location, what + " max is shorter than `for`");
  if (most) escalation.max = *most;
  escalation.memory = values.duration(map.take("memory"), what + " memory").value_or(escalation.max);
  map.finish();
  return escalation;
}

constexpr std::uint64_t kMostCap = 1'000'000;

}  // namespace

behavior::Condition read_condition(const Node& node, const std::string& what, const Values& values,
                                   RuleMatches& matches) {
  return ConditionReader(node, what, values, matches).read();
}

behavior::Action read_action(const Node& node, const std::string& what, const Values& values) {
  using behavior::ActionKind;
  MapReader map(node, what, values.report());
  behavior::Action action;
  const auto kind = values.choice(map.require("action"), what + " action", {"block", "limit", "monitor"});
  if (kind) action.kind = static_cast<ActionKind>(*kind);
  const bool has_rate = map.has("packets") || map.has("bytes");
  action.packets = values.packet_rate(map.take("packets"), what + " packets");
  action.bytes = values.byte_rate(map.take("bytes"), what + " bytes");
  const auto duration = values.duration(map.require("for"), what + " for");
  if (duration) action.duration = *duration;
  action.escalate = read_escalation(map.take("escalate"), what + " escalate", duration, values);
  action.cooldown = values.duration(map.take("cooldown"), what + " cooldown");
  const Node* cap = map.take("cap");
  if (const auto rate = values.packet_rate(cap, what + " cap")) {
    action.cap = *rate;
    if (rate->amount > kMostCap) values.error(cap->location, what + " cap is more than " + std::to_string(kMostCap));
  }
  action.shadow = values.choice(map.take("mode"), what + " mode", {"enforce", "shadow"}) == 1U;
  map.finish();
  if (kind && action.kind == ActionKind::kLimit && !has_rate)
    values.error(node.location, what + ": a limit needs packets, bytes or both, for example `packets: 5/s`");
  if (kind && action.kind == ActionKind::kBlock && has_rate)
    values.error(node.location, what + ": a block has no rate; leave it out or use `action: limit`");
  return action;
}

}  // namespace tidegate::config
