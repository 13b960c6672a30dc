// SPDX-License-Identifier: Apache-2.0
// From a rule that fired to what should follow.
#include <algorithm>
#include <cmath>

#include "agent/behavior/evaluator.hpp"

namespace tidegate::behavior {
namespace {

constexpr KeyParts kByIdentity = kBySession | kByAccount;
constexpr Micros kLatest = INT64_MAX / 4;

bool may_be_retried(Obstacle obstacle) {
  return obstacle == Obstacle::kNatGuard || obstacle == Obstacle::kOutranked || obstacle == Obstacle::kRuleCap ||
         obstacle == Obstacle::kGlobalCap || obstacle == Obstacle::kSafelisted;
}

FindingKey key_of(const Rule& rule, const Facts& facts) {
  const inspect::Summary& summary = facts.summary();
  FindingKey key;
  if ((rule.key & kBySource) != 0) key.source = facts.source();
  if ((rule.key & kBySession) != 0) key.session = summary.session;
  if ((rule.key & kByAccount) != 0) key.account = summary.account;
  if ((rule.key & kByJa4) != 0) key.ja4 = summary.connection.ja4;
  return key;
}

std::string number(double value) {
  const double rounded = std::round(value * 1000) / 1000;
  std::string text = std::to_string(rounded);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string whole(double value) { return std::to_string(static_cast<std::uint64_t>(std::max(0.0, value))); }

std::string size(double value) { return format_bytes(static_cast<std::uint64_t>(value)); }

std::string_view noun_of(const Rule& rule) {
  switch (needs_in(rule, rule.match).kinds) {
    case kRequestOnly:
      return " requests";
    case kHandshakeOnly:
      return " TLS handshakes without a request";
    case kStalledOnly:
      return " stalled requests";
    case kUnreadOnly:
      return " responses that were not taken";
    default:
      return " events";
  }
}

struct Wording {
  std::string noun;
  double observed;
  double threshold;
  std::uint64_t min;
  bool estimated;

  std::string from() const { return " (" + whole(threshold) + " or more)"; }
  std::string operator()(const CountCondition&) const { return whole(observed) + noun + from(); }
  std::string operator()(const WithoutCondition&) const {
    return whole(observed) + noun + " without the step before" + from();
  }
  std::string operator()(const AfterCondition& c) const {
    return whole(observed) + noun + " after " + std::to_string(c.steps.size()) + " steps in order" + from();
  }
  std::string operator()(const RepeatCondition&) const { return whole(observed) + " earlier decisions" + from(); }
  std::string operator()(const SumCondition& c) const {
    return size(observed) + " of " + (c.requests ? "requests" : "responses") + " (over " + size(threshold) + ")";
  }
  std::string operator()(const DistinctCondition& c) const {
    return (estimated ? "about " : "") + whole(observed) + " different values of " +
           std::string(distinct_info(c.field).name) + " (over " + whole(threshold) + ")";
  }
  std::string operator()(const RatioCondition&) const {
    return "a share of " + number(observed) + " (over " + number(threshold) + ") of at least " + std::to_string(min) +
           noun;
  }
};

}  // namespace

std::string evidence_text(const Rule& rule, double observed, double threshold, std::uint64_t min, bool estimated) {
  return std::visit(Wording{std::string(noun_of(rule)), observed, threshold, min, estimated}, rule.when.what) +
         " within " + format_duration(rule.when.within);
}

int Evaluator::settle(Facts& facts, std::vector<Finding>& findings, int acted) {
  std::stable_sort(fired_.begin(), fired_.end(), [&](const Fired& a, const Fired& b) {
    return rules_.rules[a.rule].priority > rules_.rules[b.rule].priority;
  });
  for (Fired& fired : fired_) {
    const Rule& rule = rules_.rules[fired.rule];
    Finding finding = finding_of(fired, facts);
    finding.obstacle = obstacle_of(finding, rule, facts, acted);
    if (finding.enforced()) finding.obstacle = cap_of(fired, findings);
    if (finding.enforced()) acted = std::max(acted, rule.priority);
    tally(finding, by_rule_[fired.rule]);
    remember(fired, finding);
    findings.push_back(std::move(finding));
  }
  const auto source = facts.key(kBySource);
  const KeyParts part = guard_part(facts);
  if (guards_sessions_ && source && part != 0) sessions_.offended(*source | 1, *facts.key(part), now_);
  return acted;
}

void Evaluator::tally(const Finding& finding, RuleStatistics& statistics) {
  ++statistics.fired;
  statistics.last_fired = now_;
  const auto obstacle = static_cast<std::size_t>(finding.obstacle);
  ++totals_.held_back[obstacle];
  if (finding.source_obstacle != Obstacle::kNone) {  // beside what becomes of its connections
    ++totals_.held_back[static_cast<std::size_t>(finding.source_obstacle)];
    ++statistics.held_back[static_cast<std::size_t>(finding.source_obstacle)];
  }
  if (finding.enforced()) {
    ++statistics.enforced;
  } else if (finding.shadow) {
    ++statistics.shadow;
  } else if (finding.obstacle != Obstacle::kNone) {
    ++statistics.held_back[obstacle];
  } else {
    ++statistics.monitored;
  }
}

Finding Evaluator::finding_of(const Fired& fired, Facts& facts) {
  const Rule& rule = rules_.rules[fired.rule];
  const Action& then = rule.then;
  const std::uint32_t earlier = offenders_.earlier(fired.key, now_);
  Finding finding;
  finding.rule = rule.name;
  finding.time = WallTime(std::chrono::microseconds(facts.time()));
  finding.key = key_of(rule, facts);
  finding.service = facts.summary().service;
  finding.flow = facts.summary().connection.flow;
  finding.named = facts.named();
  if ((rule.key & (kBySource | kByIdentity)) != 0) finding.target = facts.source();
  finding.action = then.kind;
  finding.blocks_connections = then.kind == ActionKind::kBlock && (rule.key & kByIdentity) != 0;
  finding.scope = rule.service.value_or("");
  finding.packets = then.packets;
  finding.bytes = then.bytes;
  finding.duration = then.escalate ? then.escalate->after(then.duration, earlier) : then.duration;
  finding.quiet = then.cooldown.value_or(finding.duration);
  finding.escalation = then.escalate;
  finding.repetition = earlier + 1;
  finding.priority = rule.priority;
  finding.shadow = then.shadow;
  finding.evidence = fired.evidence;
  return finding;
}

// Others behind the source hold back what is done to it, not what is done to the connections of this one.
Obstacle Evaluator::obstacle_of(Finding& finding, const Rule& rule, Facts& facts, int acted) {
  if (finding.action == ActionKind::kMonitor) return Obstacle::kNone;
  if (facts.proxied()) return Obstacle::kTrustedProxy;
  if (!finding.target) return Obstacle::kNoAddress;
  if (is_safelisted_ && is_safelisted_(*finding.target)) return Obstacle::kSafelisted;
  if ((rule.key & kByIdentity) != 0 && guards_sessions_) {
    const auto source = facts.key(kBySource);
    const KeyParts part = guard_part(facts);
    if (source && sessions_.shared(*source | 1, part == 0 ? 0 : *facts.key(part), now_)) {
      if (!finding.blocks_connections) return Obstacle::kNatGuard;
      finding.source_obstacle = Obstacle::kNatGuard;
    }
  }
  return !finding.shadow && rule.priority < acted ? Obstacle::kOutranked : Obstacle::kNone;
}

Obstacle Evaluator::cap_of(const Fired& fired, std::vector<Finding>& findings) {
  Cap& own = caps_[fired.rule];
  if (!own.allows(now_)) {
    alarm(own, rules_.rules[fired.rule].name, findings);
    return Obstacle::kRuleCap;
  }
  if (!global_cap_.allows(now_)) {
    alarm(global_cap_, "", findings);
    return Obstacle::kGlobalCap;
  }
  own.count(now_);
  global_cap_.count(now_);
  return Obstacle::kNone;
}

void Evaluator::alarm(Cap& cap, const std::string& rule, std::vector<Finding>& findings) {
  if (!cap.alarm_is_due(now_)) return;
  ++totals_.alarms;
  Finding finding;
  finding.kind = Finding::Kind::kAlarm;
  finding.rule = rule;
  finding.time = WallTime(std::chrono::microseconds(now_));
  finding.obstacle = rule.empty() ? Obstacle::kGlobalCap : Obstacle::kRuleCap;
  finding.evidence.text = (rule.empty() ? "all rules together" : "rule " + rule) + " decided " +
                          std::to_string(cap.rate().amount) + " times within " + format_duration(cap.rate().per) +
                          "; until that is less, its decisions are reported only";
  findings.push_back(std::move(finding));
}

void Evaluator::remember(const Fired& fired, const Finding& finding) {
  const Action& then = rules_.rules[fired.rule].then;
  if (may_be_retried(finding.obstacle)) {
    offenders_.held_back(fired.key, now_, micros(std::min(finding.quiet, kRetry)));
    return;
  }
  const seconds memory = then.escalate ? then.escalate->memory : seconds(0);
  offenders_.decided(fired.key, now_, micros(finding.quiet), micros(finding.duration + memory));
}

bool Evaluator::recall(const Earlier& earlier) {
  const auto same = [&](const Rule& rule) { return rule.name == earlier.rule; };
  const auto found = std::find_if(rules_.rules.begin(), rules_.rules.end(), same);
  if (found == rules_.rules.end() || found->key != kBySource || !found->then.escalate) return false;
  if (earlier.source.shown_length() !=
      (earlier.source.is_v4() ? rules_.settings.ipv4_prefix : rules_.settings.ipv6_prefix))
    return false;
  const auto rule = static_cast<std::size_t>(found - rules_.rules.begin());
  const std::uint64_t key = mixed(Facts::key_of(earlier.source, seed_), plans_[rule].secret) | 1;
  const auto time = [](WallTime when) { return std::clamp<Micros>(micros(when.time_since_epoch()), 0, kLatest); };
  offenders_.recall(key, {.quiet_until = time(earlier.quiet_until),
                          .remembered_until = time(earlier.until),
                          .decisions = earlier.decisions});
  return true;
}

}  // namespace tidegate::behavior
