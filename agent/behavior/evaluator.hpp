// SPDX-License-Identifier: Apache-2.0
// Summaries in, findings out.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "agent/behavior/bounded_table.hpp"
#include "agent/behavior/facts.hpp"
#include "agent/behavior/finding.hpp"
#include "agent/behavior/forgotten_steps.hpp"
#include "agent/behavior/key_state.hpp"
#include "agent/behavior/restraint.hpp"
#include "agent/behavior/rule_index.hpp"
#include "agent/behavior/statistics.hpp"
#include "agent/behavior/template_store.hpp"

namespace tidegate::behavior {

// Applies rules to summaries. It has no clock and no chance of its own: now is the latest end of a request that it saw,
// and the same summaries in the same order under the same seed give the same findings. Bounded in memory by
// settings.memory, and in time per summary by the rules that can match it. Not thread-safe.
class Evaluator {
 public:
  // Whether the policy or an operator says that a source is never blocked. Asked only when a rule has fired.
  using IsSafelisted = std::function<bool(const Prefix&)>;

  Evaluator(RuleSet rules, const HashSeed& seed, IsSafelisted is_safelisted = {});
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;

  // Appends what follows from one more request. One of a connection that is not proven counts for nothing, for anybody
  // may have sent it under this address. A request that ended more than kMostDisorder before the latest one is
  // not counted: it would have to change what was decided already.
  void take(const inspect::Summary& summary, std::vector<Finding>& findings);
  static constexpr Micros kMostDisorder = 600'000'000;

  // A request whose earlier step (`without`) was not seen is judged when requests are seen that ended this much later,
  // by any sender: the step may be told of a moment after it. When more than kMostHeld wait it is not counted.
  static constexpr Micros kHold = 20'000;
  static constexpr std::size_t kMostHeld = 1024;
  // Requests that had to wait so far, and whether some do. judge() judges those up to such a number: for a caller who
  // knows that time passed, or that no more come. Appends as take() does.
  std::uint64_t held_so_far() const { return held_so_far_; }
  bool holds() const { return !held_.empty(); }
  void judge(std::uint64_t number, std::vector<Finding>& findings);

  // An earlier decision, of the time before this evaluator: the next one lasts longer. Only of rules that escalate and
  // are keyed by source alone, for sources as the settings group them; false: it says nothing about these rules.
  struct Earlier {
    std::string rule;
    Prefix source;
    std::uint32_t decisions = 1;
    WallTime quiet_until{};
    WallTime until{};
  };
  bool recall(const Earlier& earlier);

  // Forgets all windows, decisions and the time. For a clock that was set back: until it caught up nothing would count.
  void forget();

  Micros now() const { return now_; }
  const RuleSet& rules() const { return rules_; }
  const RuleStatistics& statistics_of(std::size_t rule) const { return by_rule_[rule]; }
  Statistics statistics() const;
  // What each key that is tracked for a rule takes, in bytes, without what the allocator adds: its slot in the table,
  // with its part of the empty ones, and what hangs on it.
  void each_key(const std::function<void(std::uint32_t rule, std::size_t slot, std::size_t heap)>& visit) const;

 private:
  // What a rule's condition says after one more event.
  struct Outcome {
    bool holds = false;
    double observed = 0;
    double threshold = 0;
    std::uint64_t min = 0;  // of a ratio: what it is a share of
    bool estimated = false;
    double progress = 0;
  };
  // What of a rule does not change.
  struct Plan {
    Window::Shape window;
    DistinctSet::Shape distinct;
    std::uint64_t secret = 0;            // tells this rule's keys from those of others
    std::vector<std::uint32_t> repeats;  // rules that count this one's decisions
    std::unique_ptr<ForgottenSteps> forgotten;
    Micros span = 0;
  };
  // A request that waits for its earlier step: what of its summary counting and findings need.
  struct Held {
    std::uint32_t rule = 0;
    int acted = INT32_MIN;  // the priority of the rules that acted on it already
    Micros due = 0;
    inspect::Summary summary;
  };
  struct Fired {
    std::uint32_t rule = 0;
    std::uint64_t key = 0;
    Outcome outcome;
    Evidence evidence;
  };
  // Keys that are closest to their threshold are worth most; the steps of a rule are worth more than any of them,
  // because without them the innocent look guilty.
  struct Judge {
    Evaluator& owner;
    double worth(const KeyState& state) const;
    void evicted(std::uint64_t key, const KeyState& state);
  };
  class Counting;  // evaluator_conditions.cpp

  void plan();
  // The key of what is known of a rule and a request's sender; none: the request lacks a part of it. What is still
  // under the name that the sender had before the key of identities was replaced, gets the present one.
  std::optional<std::uint64_t> state_key(std::uint32_t rule, Facts& facts);
  void adopt(std::uint32_t rule, std::uint64_t before, std::uint64_t key, Facts& facts);
  void observe(std::uint32_t observer, Facts& facts);
  void note_step(const Observer& observer, std::uint64_t key, Facts& facts);
  std::optional<Outcome> count(std::uint32_t rule, std::uint64_t key, Facts& facts,
                               std::array<ExampleMark, 2>& examples);
  bool step_is_missing(std::uint32_t rule, std::uint64_t key, Micros time);
  bool steps_were_taken(std::uint32_t rule, std::uint64_t key, std::size_t count, Micros time);
  void hold_back(std::uint32_t rule, std::uint64_t key, const Facts& facts);
  void judge_next(std::vector<Finding>& findings);
  void note_fired(std::uint32_t rule, std::uint64_t key, const Outcome& outcome,
                  const std::array<ExampleMark, 2>& examples, Facts& facts);
  void count_repeats(Facts& facts);
  // Of the rules that fired only those of priority `acted` and above act; returns what it is afterwards.
  int settle(Facts& facts, std::vector<Finding>& findings, int acted);
  Finding finding_of(const Fired& fired, Facts& facts);
  Obstacle obstacle_of(Finding& finding, const Rule& rule, Facts& facts, int acted);
  Obstacle cap_of(const Fired& fired, std::vector<Finding>& findings);
  void tally(const Finding& finding, RuleStatistics& statistics);
  void remember(const Fired& fired, const Finding& finding);
  void alarm(Cap& cap, const std::string& rule, std::vector<Finding>& findings);
  void watch_sessions(Facts& facts);
  // By which identity the NAT guard tells a request's sender from others behind the source: the session, or the account
  // where its service has no sessions; 0: neither is known. With both, one who logged in would be two.
  KeyParts guard_part(const Facts& facts) const;
  std::vector<ExampleRequest> examples_of(const std::array<ExampleMark, 2>& marks, const Facts& facts) const;

  const RuleSet rules_;
  const HashSeed seed_;
  const IsSafelisted is_safelisted_;
  const PrefixSet proxies_;
  RuleIndex index_;
  std::vector<Plan> plans_;
  std::vector<RuleStatistics> by_rule_;
  Judge judge_;
  BoundedTable<KeyState, Judge> states_;
  Offenders offenders_;
  SourceSessions sessions_;
  Aliases aliases_;
  bool guards_sessions_ = false;
  std::vector<Cap> caps_;  // by rule
  Cap global_cap_;
  TemplateStore templates_;
  std::vector<Fired> fired_;
  std::deque<Held> held_;  // those that are due first in front
  std::uint64_t held_so_far_ = 0;
  Micros now_ = kNever;
  Micros since_ = kNever;  // the first request: what was before it is unknown
  Statistics totals_;
};

// What an outcome means, in words: "12 requests within 1m (10 or more)".
std::string evidence_text(const Rule& rule, double observed, double threshold, std::uint64_t min, bool estimated);

// What an example shows of a summary: its path template, or what stands for it.
std::string_view example_text(const inspect::Summary& summary);

}  // namespace tidegate::behavior
