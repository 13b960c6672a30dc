// SPDX-License-Identifier: Apache-2.0
#include "agent/behavior/evaluator.hpp"

#include <algorithm>
#include <unordered_map>

namespace tidegate::behavior {
namespace {

// Shares of the budget, in tenths.
constexpr std::uint64_t kForStates = 8;
constexpr std::uint64_t kForOffenders = 1;
constexpr std::uint64_t kForSessions = 1;

constexpr KeyParts kByIdentity = kBySession | kByAccount;

bool needs_guard(const RuleSet& rules) {
  return rules.settings.nat_guard.min != 0 &&
         std::any_of(rules.rules.begin(), rules.rules.end(), [](const Rule& r) { return (r.key & kByIdentity) != 0; });
}

Window::Shape shape_of(const Rule& rule) {
  Window::Shape shape{.span = micros(rule.when.within)};
  const auto few = [&](std::uint64_t count) { shape.newest_only = count <= Window::kExact; };
  if (const auto* count = std::get_if<CountCondition>(&rule.when.what)) few(count->count);
  if (const auto* without = std::get_if<WithoutCondition>(&rule.when.what)) few(without->count);
  if (const auto* after = std::get_if<AfterCondition>(&rule.when.what)) few(after->count);
  if (const auto* repeat = std::get_if<RepeatCondition>(&rule.when.what)) few(repeat->count);
  shape.pair = std::holds_alternative<RatioCondition>(rule.when.what);
  shape.weighted = shape.pair || std::holds_alternative<SumCondition>(rule.when.what);
  return shape;
}

}  // namespace

std::string_view example_text(const inspect::Summary& summary) {
  if (summary.kind == inspect::SummaryKind::kHandshake) return "(handshake)";
  return summary.path_template.empty() ? "(no path)" : std::string_view(summary.path_template);
}

Evaluator::Evaluator(RuleSet rules, const HashSeed& seed, IsSafelisted is_safelisted)
    : rules_(std::move(rules)),
      seed_(seed),
      is_safelisted_(std::move(is_safelisted)),
      proxies_(rules_.settings.trusted_proxies),
      index_(rules_.rules),
      by_rule_(rules_.rules.size()),
      judge_{*this},
      states_(rules_.settings.memory / 10 * kForStates, judge_),
      offenders_(rules_.settings.memory / 10 * kForOffenders),
      sessions_(rules_.settings.nat_guard, rules_.settings.memory / 10 * kForSessions),
      guards_sessions_(needs_guard(rules_)),
      global_cap_(rules_.settings.cap) {
  plan();
}

Evaluator::~Evaluator() = default;

void Evaluator::plan() {
  std::unordered_map<std::string, std::uint32_t> numbers;
  for (std::uint32_t i = 0; i < rules_.rules.size(); ++i) {
    const Rule& rule = rules_.rules[i];
    numbers.emplace(rule.name, i);
    Plan plan;
    plan.window = shape_of(rule);
    plan.distinct = DistinctSet::Shape::of(micros(rule.when.within));
    plan.secret = keyed_hash(seed_, "rule " + std::to_string(i));
    plan.span = micros(rule.when.within);
    plans_.push_back(std::move(plan));
    caps_.emplace_back(rule.then.cap);
  }
  for (std::uint32_t i = 0; i < rules_.rules.size(); ++i) {
    const auto* repeat = std::get_if<RepeatCondition>(&rules_.rules[i].when.what);
    for (std::size_t n = 0; repeat != nullptr && n < repeat->rules.size(); ++n) {
      const auto found = numbers.find(repeat->rules[n]);
      if (found != numbers.end()) plans_[found->second].repeats.push_back(i);
    }
  }
}

double Evaluator::Judge::worth(const KeyState& state) const {
  const Micros span = owner.plans_[state.rule].span;
  const Micros age = owner.now_ - state.touched;
  if (age >= span) return -1;
  // Of two that are equally close the one that was seen later.
  return state.progress + 0.01 * (1 - static_cast<double>(age) / static_cast<double>(span));
}

void Evaluator::Judge::evicted(std::uint64_t key, const KeyState& state) {
  const std::uint32_t rule = state.rule;
  ++owner.by_rule_[rule].evicted;
  if (!std::holds_alternative<WithoutCondition>(owner.rules_.rules[rule].when.what)) return;
  if (!std::holds_alternative<Steps>(state.data)) return;
  auto& forgotten = owner.plans_[rule].forgotten;
  if (!forgotten) forgotten = std::make_unique<ForgottenSteps>(owner.plans_[rule].span);
  forgotten->add(key, owner.now_);
}

void Evaluator::take(const inspect::Summary& summary, std::vector<Finding>& findings) {
  ++totals_.summaries;
  if (!summary.connection.proven) {
    ++totals_.unproven;
    return;
  }
  Facts facts(summary, rules_.settings, proxies_, seed_, aliases_);
  if (facts.time() < now_ - kMostDisorder) {
    ++totals_.late;
    return;
  }
  if (since_ == kNever) since_ = facts.time();
  // At the time of those requests: this one may come a window later.
  while (!held_.empty() && held_.front().due <= facts.time()) judge_next(findings);
  now_ = std::max(now_, facts.time());
  if (guards_sessions_) watch_sessions(facts);
  fired_.clear();
  const std::size_t waiting = held_.size();
  for (const std::uint32_t candidate : index_.candidates(summary)) observe(candidate, facts);
  if (fired_.empty()) return;
  count_repeats(facts);
  const int acted = settle(facts, findings, INT32_MIN);
  for (std::size_t i = waiting; i < held_.size(); ++i) held_[i].acted = acted;
}

std::optional<std::uint64_t> Evaluator::state_key(std::uint32_t rule, Facts& facts) {
  const KeyParts parts = rules_.rules[rule].key;
  const auto identity = facts.key(parts);
  if (!identity) return std::nullopt;
  const std::uint64_t secret = plans_[rule].secret;
  const std::uint64_t key = mixed(*identity, secret) | 1;
  if (const auto before = facts.key_before(parts)) adopt(rule, mixed(*before, secret) | 1, key, facts);
  return key;
}

void Evaluator::observe(std::uint32_t number, Facts& facts) {
  const Observer& observer = index_.observers()[number];
  const Rule& rule = rules_.rules[observer.rule];
  if (rule.service && *rule.service != facts.summary().service) return;
  if (!matches(*observer.match, facts.summary())) return;
  const auto key = state_key(observer.rule, facts);
  if (!key) return;
  if (observer.step >= 0) return note_step(observer, *key, facts);
  ++by_rule_[observer.rule].matched;
  if (std::holds_alternative<WithoutCondition>(rule.when.what)) return hold_back(observer.rule, *key, facts);
  std::array<ExampleMark, 2> examples{};
  const auto outcome = count(observer.rule, *key, facts, examples);
  if (outcome && outcome->holds) note_fired(observer.rule, *key, *outcome, examples, facts);
}

void Evaluator::note_fired(std::uint32_t number, std::uint64_t key, const Outcome& outcome,
                           const std::array<ExampleMark, 2>& examples, Facts& facts) {
  if (offenders_.is_quiet(key, now_)) {
    ++by_rule_[number].suppressed;
    return;
  }
  const Rule& rule = rules_.rules[number];
  Fired fired{.rule = number, .key = key, .outcome = outcome, .evidence = {}};
  fired.evidence = {.text = evidence_text(rule, outcome.observed, outcome.threshold, outcome.min, outcome.estimated),
                    .observed = outcome.observed,
                    .threshold = outcome.threshold,
                    .estimated = outcome.estimated,
                    .window = rule.when.within,
                    .examples = examples_of(examples, facts)};
  fired_.push_back(std::move(fired));
}

std::vector<ExampleRequest> Evaluator::examples_of(const std::array<ExampleMark, 2>& marks, const Facts& facts) const {
  std::vector<ExampleRequest> examples;
  for (const ExampleMark& mark : marks) {
    if (mark.second == 0) continue;
    const std::string_view text = templates_.get(mark.place);
    examples.push_back({text.empty() ? "(forgotten)" : std::string(text), WallTime(seconds(mark.second))});
  }
  examples.push_back({std::string(example_text(facts.summary()).substr(0, TemplateStore::kLongest)),
                      WallTime(std::chrono::microseconds(facts.time()))});
  return examples;
}

// Decisions of rules that others count. A rule in shadow mode counts for others in shadow mode only.
void Evaluator::count_repeats(Facts& facts) {
  const std::size_t requests = fired_.size();
  for (std::size_t i = 0; i < requests; ++i) {
    const std::uint32_t cause = fired_[i].rule;
    for (const std::uint32_t number : plans_[cause].repeats) {
      const Rule& rule = rules_.rules[number];
      if (rules_.rules[cause].then.shadow && !rule.then.shadow) continue;
      const auto key = state_key(number, facts);
      if (!key) continue;
      ++by_rule_[number].matched;
      std::array<ExampleMark, 2> examples{};
      const auto outcome = count(number, *key, facts, examples);
      if (outcome && outcome->holds) note_fired(number, *key, *outcome, examples, facts);
    }
  }
}

void Evaluator::watch_sessions(Facts& facts) {
  if (facts.summary().kind != inspect::SummaryKind::kRequest) return;
  const KeyParts part = guard_part(facts);
  const auto source = facts.key(kBySource);
  if (!source || part == 0 || facts.proxied()) return;
  const auto& status = facts.summary().status;
  sessions_.seen(*source | 1, *facts.key(part), facts.key_before(part), now_, status && *status < 400);
}

KeyParts Evaluator::guard_part(const Facts& facts) const {
  const inspect::Summary& summary = facts.summary();
  if (summary.session) return kBySession;
  const auto& by_account = rules_.settings.by_account;
  const bool known = summary.account && std::binary_search(by_account.begin(), by_account.end(), summary.service);
  return known ? KeyParts{kByAccount} : KeyParts{0};
}

void Evaluator::forget() {
  states_.clear();
  offenders_.clear();
  sessions_.clear();
  aliases_.clear();
  for (Cap& cap : caps_) cap.clear();
  global_cap_.clear();
  held_.clear();
  for (Plan& plan : plans_) plan.forgotten.reset();
  now_ = since_ = kNever;
}

Statistics Evaluator::statistics() const {
  Statistics result = totals_;
  result.budget = rules_.settings.memory;
  result.keys = states_.size() + offenders_.size() + sessions_.size();
  result.bytes = states_.bytes() + offenders_.bytes() + sessions_.bytes() + aliases_.bytes() + templates_.bytes();
  for (const Plan& plan : plans_) result.bytes += plan.forgotten ? sizeof(ForgottenSteps) : 0;
  for (const Held& held : held_) result.bytes += sizeof(Held) + held.summary.path_template.capacity();
  result.evicted += states_.evictions() + offenders_.evictions();
  return result;
}

void Evaluator::each_key(const std::function<void(std::uint32_t, std::size_t, std::size_t)>& visit) const {
  states_.each([&](const KeyState& state, std::size_t slot) { visit(state.rule, slot, state.heap_bytes()); });
}

}  // namespace tidegate::behavior
