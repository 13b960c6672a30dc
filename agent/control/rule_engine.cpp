// SPDX-License-Identifier: Apache-2.0
#include "agent/control/rule_engine.hpp"

#include <utility>

#include "agent/config/policy_reader.hpp"
#include "agent/openapi/document.hpp"
#include "agent/openapi/load.hpp"

namespace tidegate::control {
namespace {

// How far the time of requests may be ahead of the clock before the clock is taken to have been set back.
constexpr auto kMostAhead = std::chrono::minutes(1);
constexpr std::uint64_t kClockEvery = 256;  // summaries
// Requests that rules hold back are judged once this passed twice without a later request: on busy machines summaries
// come late, and the evaluator's own time for them is that of requests.
constexpr std::chrono::milliseconds kHold{20};

// All that an evaluator is made from. Services only by what rules may say of them.
std::string signature_of(const policy::Policy& policy) {
  std::string text = std::to_string(policy.ipv4_prefix) + "/" + std::to_string(policy.ipv6_prefix) + "\n";
  for (const auto& proxy : policy.trusted_proxies) text += proxy.prefix.to_string() + "\n";
  for (const auto& section : policy.kept) text += section.path + " " + section.text + "\n";
  for (const auto& service : policy.services) {
    if (service.inspection.account && !service.inspection.session) text += service.name + " by account\n";
    if (service.openapi && service.openapi->document)
      text += service.name + " " + service.openapi->document->digest + "\n";
  }
  return text;
}

}  // namespace

void RuleEngine::start(Actions actions) {
  actions_ = std::move(actions);
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
  state_.lock()->running = true;
}

void RuleEngine::stop() {
  state_.lock()->running = false;
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void RuleEngine::set_policy(const policy::Policy& policy) {
  std::string signature = signature_of(policy);
  if (state_.lock()->signature == signature) return;
  // Values of rules are not part of policy::Policy; its text is, word for word, and was valid.
  config::ParsedPolicy parsed = config::read_policy(policy.text);
  std::unique_ptr<behavior::Evaluator> next;
  if (parsed.valid() && !parsed.rules.rules.empty()) {
    behavior::name_operations(parsed.rules, openapi::operation_names(policy));
    next = std::make_unique<behavior::Evaluator>(std::move(parsed.rules), seed_, [this](const Prefix& source) {
      return actions_.is_safelisted && actions_.is_safelisted(source);
    });
  }
  if (next && actions_.earlier) {
    for (const auto& earlier : actions_.earlier()) (void)next->recall(earlier);
  }
  auto state = state_.lock();
  state->signature = std::move(signature);
  state->evaluator.swap(next);
  state->held_before = 0;
  state->watch.forget();
}

void RuleEngine::notice_clock(State& state) {
  if (state.taken++ % kClockEvery != 0) return;
  const auto limit = behavior::micros((clock_.wall() + kMostAhead).time_since_epoch());
  if (state.evaluator->now() > limit) state.evaluator->forget();
}

void RuleEngine::take(const inspect::Summary& summary) {
  std::vector<behavior::Finding> findings;
  bool follow = false;
  bool held = false;
  {
    auto state = state_.lock();
    if (!state->running) return;
    follow = actions_.look && actions_.look(summary);  // what was decided holds without its rule, too
    if (state->evaluator) {
      notice_clock(*state);
      const std::uint64_t before = state->evaluator->held_so_far();
      state->evaluator->take(summary, findings);
      held = state->evaluator->held_so_far() != before;
    }
  }
  if (follow || held || !findings.empty()) hand_over(findings, follow, held);
}

void RuleEngine::hand_over(std::vector<behavior::Finding>& findings, bool follow, bool held) {
  {
    const std::lock_guard lock(waiting_mutex_);
    follow_ = follow_ || follow;
    if (held && !held_) next_judgement_ = std::chrono::steady_clock::now() + kHold;
    held_ = held_ || held;
    for (behavior::Finding& finding : findings) {
      if (waiting_.size() < kMostWaiting) {
        waiting_.push_back(std::move(finding));
      } else {
        ++dropped_;
        ++failures_.dropped;
      }
    }
  }
  waiting_changed_.notify_all();
}

void RuleEngine::follow_blocked(std::unique_lock<std::mutex>& lock) {
  follow_ = false;
  lock.unlock();
  const bool more = actions_.follow();
  lock.lock();
  follow_ = follow_ || more;
}

void RuleEngine::act_on_next(std::unique_lock<std::mutex>& lock) {
  const behavior::Finding finding = std::move(waiting_.front());
  waiting_.pop_front();
  const std::uint64_t dropped = std::exchange(dropped_, 0);
  lock.unlock();
  if (dropped != 0 && actions_.warn)
    actions_.warn("rules: " + std::to_string(dropped) + " findings came faster than they could be acted on");
  const bool done = actions_.act(finding);
  lock.lock();
  failures_.refused += done ? 0 : 1;
}

// What was held back before the last time.
void RuleEngine::judge_held(std::unique_lock<std::mutex>& lock) {
  held_ = false;
  lock.unlock();
  std::vector<behavior::Finding> findings;
  bool more = false;
  {
    auto state = state_.lock();
    if (state->evaluator) {
      state->evaluator->judge(state->held_before, findings);
      state->held_before = state->evaluator->held_so_far();
      more = state->evaluator->holds();
    }
  }
  hand_over(findings, false, more);
  lock.lock();
}

bool RuleEngine::wait(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
  const auto some = [this] { return follow_ || !waiting_.empty(); };
  waiting_changed_.wait(lock, stop, [&] { return some() || held_; });
  if (!some() && held_) waiting_changed_.wait_until(lock, stop, next_judgement_, some);
  return !stop.stop_requested();
}

// In turns, so that neither waits for the other for long.
void RuleEngine::work(const std::stop_token& stop) {
  std::unique_lock lock(waiting_mutex_);
  while (wait(lock, stop)) {
    acting_ = true;
    if (held_ && std::chrono::steady_clock::now() >= next_judgement_) judge_held(lock);
    if (follow_) follow_blocked(lock);
    if (!waiting_.empty()) act_on_next(lock);
    acting_ = false;
    waiting_changed_.notify_all();
  }
}

RuleWatch::Failures RuleEngine::failures() const {
  const std::lock_guard lock(waiting_mutex_);
  return failures_;
}

void RuleEngine::look() {
  const auto failed = failures();
  auto state = state_.lock();
  if (state->evaluator) state->watch.look(*state->evaluator, failed, clock_.monotonic());
}

RuleReport RuleEngine::report() const {
  const auto failed = failures();
  auto state = state_.lock();
  if (state->evaluator) return state->watch.report(*state->evaluator, failed, clock_.monotonic());
  RuleReport none;
  none.dropped = failed.dropped;
  none.refused = failed.refused;
  return none;
}

void RuleEngine::settle() {
  std::unique_lock lock(waiting_mutex_);
  waiting_changed_.wait(lock, [this] { return !follow_ && !held_ && waiting_.empty() && !acting_; });
}

}  // namespace tidegate::control
