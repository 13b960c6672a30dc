// SPDX-License-Identifier: Apache-2.0
// How the conditions of rules count.
#include <algorithm>

#include "agent/behavior/evaluator.hpp"

namespace tidegate::behavior {

// Adds one event to the state of a key and says what the condition makes of it.
class Evaluator::Counting {
 public:
  Counting(KeyState& state, const Plan& plan, Facts& facts, Aliases& aliases, Micros now)
      : state_(state), plan_(plan), facts_(facts), aliases_(aliases), now_(now) {}

  Outcome operator()(const CountCondition& condition) { return at_least(condition.count); }
  Outcome operator()(const WithoutCondition& condition) { return at_least(condition.count); }
  Outcome operator()(const AfterCondition& condition) { return at_least(condition.count); }
  Outcome operator()(const RepeatCondition& condition) { return at_least(condition.count); }

  Outcome operator()(const SumCondition& condition) {
    const auto& summary = facts_.summary();
    add(condition.requests ? summary.request_bytes : summary.response_bytes);
    const auto sum = static_cast<double>(window().totals(plan_.window, now_).least);
    return more_than(sum, sum, condition.over, false);
  }

  Outcome operator()(const DistinctCondition& condition) {
    auto* set = std::get_if<DistinctSet>(&state_.data);
    if (set == nullptr) set = &state_.data.emplace<DistinctSet>();
    const std::uint64_t value = *facts_.value(condition.field);
    if (const auto before = facts_.value_before(condition.field); before && set->rename(*before, value)) {
      aliases_.note(*before, value);
    }
    set->add(plan_.distinct, value, facts_.time(), now_);
    const auto estimate = set->estimate(plan_.distinct, now_);
    return more_than(estimate.least, estimate.likely, condition.over, estimate.least != estimate.likely);
  }

  Outcome operator()(const RatioCondition& condition) {
    add(Window::pair(matches(condition.of, facts_.summary())));
    const auto totals = window().totals(plan_.window, now_);
    const auto all = static_cast<double>(Window::first_of(totals.least));
    const auto hits = static_cast<double>(Window::second_of(totals.least));
    // Where the window is cut, what is not such as `of` counts in full: the share is never taken for too large.
    const auto misses = static_cast<double>(Window::first_of(totals.most) - Window::second_of(totals.most));
    const double share = hits == 0 ? 0 : hits / (hits + misses);
    const double enough = std::min(1.0, all / static_cast<double>(condition.min));
    return {.holds = enough >= 1 && share > condition.over,
            .observed = share,
            .threshold = condition.over,
            .min = condition.min,
            .progress = enough * std::min(1.0, condition.over > 0 ? share / condition.over : share)};
  }

 private:
  Window& window() {
    auto* window = std::get_if<Window>(&state_.data);
    return window != nullptr ? *window : state_.data.emplace<Window>();
  }
  void add(std::uint64_t weight) { window().add(plan_.window, facts_.time(), now_, weight); }

  Outcome at_least(std::uint64_t count) {
    add(1);
    const auto total = static_cast<double>(window().totals(plan_.window, now_).least);
    const auto threshold = static_cast<double>(count);
    return {.holds = total >= threshold,
            .observed = total,
            .threshold = threshold,
            .progress = std::min(1.0, total / threshold)};
  }
  static Outcome more_than(double least, double likely, std::uint64_t over, bool estimated) {
    const auto threshold = static_cast<double>(over);
    return {.holds = least > threshold,
            .observed = likely,
            .threshold = threshold,
            .estimated = estimated,
            .progress = std::min(1.0, least / (threshold + 1))};
  }

  KeyState& state_;
  const Plan& plan_;
  Facts& facts_;
  Aliases& aliases_;
  Micros now_;
};

namespace {

// Whether the requests of a rule count only after something else: their steps are kept apart.
std::uint64_t key_of_steps(std::uint64_t key) { return mixed(key, 0x5354455053) | 1; }

}  // namespace

// What is there under the present name has been adopted, or began under it.
void Evaluator::adopt(std::uint32_t rule, std::uint64_t before, std::uint64_t key, Facts& facts) {
  const std::uint64_t place = key_of_steps(key);
  if (states_.find(key) != nullptr || states_.find(place) != nullptr) return;
  const bool counts = states_.rename(before, key);
  const bool steps = states_.rename(key_of_steps(before), place);
  offenders_.rename(before, key);
  const auto& forgotten = plans_[rule].forgotten;
  if (forgotten && forgotten->may_hold(key_of_steps(before), now_)) forgotten->add(place, now_);
  if (counts || steps) facts.note_renamed(rules_.rules[rule].key, aliases_);
  // Those that count this one's decisions see nothing of its sender until it fires, which may be days from now.
  for (const std::uint32_t repeat : plans_[rule].repeats) state_key(repeat, facts);
}

void Evaluator::note_step(const Observer& observer, std::uint64_t key, Facts& facts) {
  const auto* after = std::get_if<AfterCondition>(&rules_.rules[observer.rule].when.what);
  const std::size_t steps = after == nullptr ? 1 : after->steps.size();
  const std::uint64_t place = key_of_steps(key);
  // Of a later step nothing has to be known while the first was not taken.
  if (observer.step > 0 && states_.find(place) == nullptr) return;
  states_.update(place, [&](KeyState& state) {
    auto* taken = std::get_if<Steps>(&state.data);
    if (taken == nullptr) taken = &state.data.emplace<Steps>();
    taken->take(static_cast<std::size_t>(observer.step), steps, facts.time());
    state.touched = now_;
    state.rule = observer.rule;
    state.progress = 1;
  });
}

bool Evaluator::step_is_missing(std::uint32_t rule, std::uint64_t key, Micros time) {
  Plan& plan = plans_[rule];
  if (time - since_ < plan.span) return false;  // the step may have been before the first request that was seen
  const std::uint64_t place = key_of_steps(key);
  const KeyState* state = states_.find(place);
  const auto* steps = state == nullptr ? nullptr : std::get_if<Steps>(&state->data);
  // A later one that is known already excuses as well: it may hide an earlier one.
  if (steps != nullptr && steps->chain(0).began > time - plan.span) return false;
  return !plan.forgotten || !plan.forgotten->may_hold(place, now_);
}

bool Evaluator::steps_were_taken(std::uint32_t rule, std::uint64_t key, std::size_t count, Micros time) {
  const KeyState* state = states_.find(key_of_steps(key));
  const auto* steps = state == nullptr ? nullptr : std::get_if<Steps>(&state->data);
  if (steps == nullptr) return false;
  const Steps::Chain last = steps->chain(count - 1);
  return last.ended <= time && last.began > time - plans_[rule].span;
}

void Evaluator::hold_back(std::uint32_t rule, std::uint64_t key, const Facts& facts) {
  if (!step_is_missing(rule, key, facts.time())) return;
  if (held_.size() >= kMostHeld) {
    ++by_rule_[rule].evicted;
    ++totals_.evicted;
    return;
  }
  const inspect::Summary& from = facts.summary();
  Held held{.rule = rule, .due = now_ + kHold, .summary = {}};
  held.summary.kind = from.kind;
  held.summary.began = from.began;
  held.summary.duration = from.duration;
  held.summary.connection = from.connection;
  held.summary.service = from.service;
  held.summary.proxied = from.proxied;
  held.summary.path_template = from.path_template.substr(0, TemplateStore::kLongest);
  held.summary.status = from.status;
  held.summary.session = from.session;
  held.summary.account = from.account;
  held.summary.session_before = from.session_before;
  held.summary.account_before = from.account_before;
  held_.push_back(std::move(held));
  ++held_so_far_;
}

void Evaluator::judge(std::uint64_t number, std::vector<Finding>& findings) {
  while (!held_.empty() && held_so_far_ - held_.size() < number) judge_next(findings);
}

void Evaluator::judge_next(std::vector<Finding>& findings) {
  const Held held = std::move(held_.front());
  held_.pop_front();
  Facts facts(held.summary, rules_.settings, proxies_, seed_, aliases_);
  // Its sender may have another name by now.
  const auto key = state_key(held.rule, facts);
  if (!key) return;
  std::array<ExampleMark, 2> examples{};
  const auto outcome = count(held.rule, *key, facts, examples);
  if (!outcome || !outcome->holds) return;
  fired_.clear();
  note_fired(held.rule, *key, *outcome, examples, facts);
  if (fired_.empty()) return;
  count_repeats(facts);
  settle(facts, findings, held.acted);
}

std::optional<Evaluator::Outcome> Evaluator::count(std::uint32_t number, std::uint64_t key, Facts& facts,
                                                   std::array<ExampleMark, 2>& examples) {
  const Rule& rule = rules_.rules[number];
  const Plan& plan = plans_[number];
  const auto* distinct = std::get_if<DistinctCondition>(&rule.when.what);
  if (distinct != nullptr && !facts.value(distinct->field)) return std::nullopt;
  if (std::holds_alternative<WithoutCondition>(rule.when.what) && !step_is_missing(number, key, facts.time()))
    return std::nullopt;
  const auto* after = std::get_if<AfterCondition>(&rule.when.what);
  if (after != nullptr && !steps_were_taken(number, key, after->steps.size(), facts.time())) return std::nullopt;
  const ExampleMark mark{static_cast<std::uint32_t>(facts.time() / 1'000'000),
                         templates_.put(seed_, example_text(facts.summary()))};
  return states_.update(key, [&](KeyState& state) {
    if (now_ - state.touched >= plan.span) state = KeyState{};
    examples = state.examples;
    if (state.examples[0].second == 0) {
      state.examples[0] = mark;
    } else {
      state.examples[1] = mark;
    }
    state.touched = now_;
    state.rule = number;
    const Outcome outcome = std::visit(Counting(state, plan, facts, aliases_, now_), rule.when.what);
    state.progress = static_cast<float>(outcome.progress);
    return outcome;
  });
}

}  // namespace tidegate::behavior
