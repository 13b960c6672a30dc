// SPDX-License-Identifier: Apache-2.0
// Behaviour rules on live traffic: summaries come in on one thread, decisions go out on another.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/guarded.hpp"
#include "agent/behavior/evaluator.hpp"
#include "agent/control/rule_report.hpp"
#include "agent/control/rule_watch.hpp"
#include "agent/inspection/report.hpp"
#include "agent/policy/model.hpp"

namespace tidegate::control {

// Thread-safe. What it finds waits in a bounded queue for `act`, which may take its time; what there is no room for is
// counted, and said when there is room again.
class RuleEngine final : public inspection::SummaryConsumer {
 public:
  static constexpr std::size_t kMostWaiting = 1024;

  struct Actions {
    // On the engine's own thread, one at a time. False: it should have been enforced, and was refused.
    std::function<bool(const behavior::Finding&)> act;
    std::function<bool(const Prefix&)> is_safelisted;  // on the thread that brings summaries
    // Decisions of former processes and policies; asked when rules come in force.
    std::function<std::vector<behavior::Evaluator::Earlier>()> earlier;
    std::function<void(const std::string&)> warn;  // one line
    // Whether follow() has something to do after this request; on the thread that brings summaries, and at once.
    std::function<bool(const inspect::Summary&)> look = {};
    // On the engine's own thread; whether it has more to do.
    std::function<bool()> follow = {};
  };

  RuleEngine(const Clock& clock, const behavior::HashSeed& seed) : clock_(clock), seed_(seed) {}
  ~RuleEngine() override { stop(); }

  // From now on findings are acted on. Before, and after stop(), summaries are not looked at.
  void start(Actions actions);
  // Returns when the last action has ended. What waits is forgotten.
  void stop();

  // The policy in force. Windows and escalation go on when its rules, and all that they depend on, are the same; with
  // others only what is stored of repeaters does.
  void set_policy(const policy::Policy& policy);
  void take(const inspect::Summary& summary) override;

  // Periodic, about once a second: rates and warnings come from it.
  void look();
  RuleReport report() const;

  // Waits until nothing waits to be acted on; for tests.
  void settle();

 private:
  struct State {
    std::unique_ptr<behavior::Evaluator> evaluator;  // none: no rules
    std::string signature;                           // of what the evaluator was made from
    std::uint64_t taken = 0;
    std::uint64_t held_before = 0;  // requests that had been held back when those were looked at last
    bool running = false;
    RuleWatch watch;
  };

  void notice_clock(State& state);
  void hand_over(std::vector<behavior::Finding>& findings, bool follow, bool held);
  void work(const std::stop_token& stop);
  bool wait(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);  // false: the end
  void judge_held(std::unique_lock<std::mutex>& lock);
  RuleWatch::Failures failures() const;
  void follow_blocked(std::unique_lock<std::mutex>& lock);
  void act_on_next(std::unique_lock<std::mutex>& lock);

  const Clock& clock_;
  const behavior::HashSeed seed_;
  mutable Guarded<State> state_;
  Actions actions_;

  mutable std::mutex waiting_mutex_;
  std::condition_variable_any waiting_changed_;
  std::deque<behavior::Finding> waiting_;
  std::uint64_t dropped_ = 0;  // not said yet
  RuleWatch::Failures failures_;
  bool follow_ = false;
  bool acting_ = false;
  bool held_ = false;  // the evaluator holds requests back, whom it may never hear of again
  std::chrono::steady_clock::time_point next_judgement_;
  std::jthread thread_;
};

}  // namespace tidegate::control
