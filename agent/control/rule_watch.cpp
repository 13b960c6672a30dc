// SPDX-License-Identifier: Apache-2.0
#include "agent/control/rule_watch.hpp"

#include <array>

namespace tidegate::control {
namespace {

using behavior::Obstacle;

constexpr std::size_t kMostNames = 3;

struct HeldBack {
  std::uint64_t shadow = 0;
  std::uint64_t monitored = 0;
  std::array<std::uint64_t, behavior::kObstacles> by_obstacle{};

  void add(const behavior::RuleStatistics& statistics) {
    shadow += statistics.shadow;
    monitored += statistics.monitored;
    for (std::size_t i = 0; i < by_obstacle.size(); ++i) by_obstacle[i] += statistics.held_back[i];
  }
  NamedCounts named() const {
    NamedCounts counts;
    const auto put = [&](std::string_view name, std::uint64_t count) {
      if (count != 0) counts.emplace_back(name, count);
    };
    put("shadow", shadow);
    put("monitor", monitored);
    for (std::size_t i = 1; i < by_obstacle.size(); ++i) put(to_string(static_cast<Obstacle>(i)), by_obstacle[i]);
    return counts;
  }
};

RuleFigures figures_of(const behavior::Rule& rule, const behavior::RuleStatistics& statistics) {
  HeldBack held_back;
  held_back.add(statistics);
  RuleFigures figures{.name = rule.name,
                      .action = to_string(rule.then.kind),
                      .shadow = rule.then.shadow,
                      .matched = statistics.matched,
                      .fired = statistics.fired,
                      .enforced = statistics.enforced,
                      .suppressed = statistics.suppressed,
                      .evicted = statistics.evicted,
                      .last_fired = std::nullopt,
                      .held_back = held_back.named()};
  if (statistics.last_fired != behavior::kNever)
    figures.last_fired = WallTime(std::chrono::microseconds(statistics.last_fired));
  return figures;
}

double rate_of(std::uint64_t now, std::uint64_t before, std::chrono::nanoseconds span) {
  const double seconds = std::chrono::duration<double>(span).count();
  return seconds <= 0 || now < before ? 0 : static_cast<double>(now - before) / seconds;
}

}  // namespace

void RuleWatch::Trouble::look(std::uint64_t total, MonotonicTime now) {
  if (total > seen) grew = now;
  seen = total;
}

void RuleWatch::look(const behavior::Evaluator& evaluator, const Failures& failures, MonotonicTime now) {
  const std::size_t rules = evaluator.rules().rules.size();
  Look look{.when = now, .rules = {}};
  look.rules.reserve(rules);
  capped_.resize(rules);
  for (std::size_t i = 0; i < rules; ++i) {
    const auto& statistics = evaluator.statistics_of(i);
    look.rules.push_back({statistics.matched, statistics.fired});
    capped_[i].look(statistics.capped(), now);
  }
  evicted_.look(evaluator.statistics().evicted, now);
  dropped_.look(failures.dropped, now);
  refused_.look(failures.refused, now);
  while (looks_.size() >= 2 && now - looks_[1].when >= kSpan) looks_.pop_front();
  looks_.push_back(std::move(look));
}

RuleReport RuleWatch::report(const behavior::Evaluator& evaluator, const Failures& failures, MonotonicTime now) const {
  RuleReport report;
  const auto totals = evaluator.statistics();
  report.summaries = totals.summaries;
  report.late = totals.late;
  report.unproven = totals.unproven;
  report.keys = totals.keys;
  report.bytes = totals.bytes;
  report.budget = totals.budget;
  report.evicted = totals.evicted;
  report.alarms = totals.alarms;
  report.dropped = failures.dropped;
  report.refused = failures.refused;
  HeldBack held_back;
  const auto& rules = evaluator.rules().rules;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto& statistics = evaluator.statistics_of(i);
    report.rules.push_back(figures_of(rules[i], statistics));
    report.enforced += statistics.enforced;
    held_back.add(statistics);
  }
  report.held_back = held_back.named();
  add_rates(report, now);
  add_warnings(report, now);
  return report;
}

void RuleWatch::add_rates(RuleReport& report, MonotonicTime now) const {
  if (looks_.empty()) return;
  const Look& before = looks_.front();
  for (std::size_t i = 0; i < report.rules.size() && i < before.rules.size(); ++i) {
    RuleFigures& figures = report.rules[i];
    figures.matched_per_second = rate_of(figures.matched, before.rules[i].matched, now - before.when);
    figures.fired_per_second = rate_of(figures.fired, before.rules[i].fired, now - before.when);
  }
}

void RuleWatch::add_warnings(RuleReport& report, MonotonicTime now) const {
  std::string names;
  std::size_t capped = 0;
  for (std::size_t i = 0; i < report.rules.size() && i < capped_.size(); ++i) {
    if (!capped_[i].lately(now) || ++capped > kMostNames) continue;
    names += (names.empty() ? "" : ", ") + report.rules[i].name;
  }
  if (capped > kMostNames) names += " and " + std::to_string(capped - kMostNames) + " more";
  if (capped != 0)
    report.warnings.push_back("rules: findings were held back because a cap was reached: " + names +
                              "; a rule is too wide, or `cap` of rule or `behavior` too small");
  if (dropped_.lately(now))
    report.warnings.push_back("rules: " + std::to_string(report.dropped) +
                              " findings since start came faster than they could be acted on and were dropped");
  if (refused_.lately(now))
    report.warnings.push_back("rules: " + std::to_string(report.refused) +
                              " findings since start could not be enforced; `tidegate events` says why");
  if (evicted_.lately(now))
    report.warnings.push_back("rules: " + std::to_string(report.evicted) +
                              " keys made room before their window was over; raise `memory` of `behavior`");
}

void RuleWatch::forget() {
  looks_.clear();
  capped_.clear();
  evicted_ = {};
}

}  // namespace tidegate::control
