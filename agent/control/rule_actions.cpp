// SPDX-License-Identifier: Apache-2.0
#include "agent/control/rule_actions.hpp"

#include <algorithm>

#include "agent/control/decision_details.hpp"

namespace tidegate::control {
namespace {

using behavior::Finding;
using telemetry::EventKind;
using Change = telemetry::DecisionDetail::Change;

std::string origin_of(const Finding& finding) { return "rule:" + finding.rule; }

// `now` bounds what a summary may say of the time: it comes out of the sandbox.
decisions::NewDecision decision_of(const Finding& finding, WallTime now) {
  decisions::NewDecision decision;
  decision.target = *finding.target;
  decision.action =
      finding.action == behavior::ActionKind::kLimit ? decisions::Action::kLimit : decisions::Action::kBlock;
  decision.origin = origin_of(finding);
  decision.reason = describe(finding);
  decision.expires = std::min(finding.time, now) + finding.duration;
  decision.limit = {finding.packets, finding.bytes};
  decision.actor = decision.origin;
  return decision;
}

// Identities are known under a key that no restart survives: only sources are remembered.
std::optional<decisions::Repeater> repeater_of(const Finding& finding, WallTime now) {
  if (!finding.escalation || !finding.by_source_only()) return std::nullopt;
  const WallTime time = std::min(finding.time, now);
  return decisions::Repeater{.target = *finding.target,
                             .origin = origin_of(finding),
                             .decisions = finding.repetition,
                             .quiet_until = time + finding.quiet,
                             .until = time + finding.duration + finding.escalation->memory};
}

// "rule:path-scan would block 192.0.2.1 for 1h: …"
std::string wish_of(const Finding& finding) {
  const bool by_key = finding.blocks_connections || !finding.target;
  const std::string target = by_key ? format(finding.key) : finding.target->to_string();
  const bool monitor = finding.action == behavior::ActionKind::kMonitor;
  return origin_of(finding) + (monitor ? " noticed " : " would " + std::string(to_string(finding.action)) + " ") +
         target + (monitor ? "" : " for " + format_duration(finding.duration)) + ": " + describe(finding);
}

// Connections and source are two things: what becomes of one does not depend on the other.
Status enforce(Controllers& controllers, const Finding& finding) {
  const WallTime now = controllers.env.clock.wall();
  Status done;
  if (finding.blocks_connections) done = controllers.identities.block(finding);
  if (!finding.acts_on_source()) return done;
  const Status decided =
      controllers.decisions.decide(decision_of(finding, now), finding_of(finding), repeater_of(finding, now));
  return decided ? done : decided;
}

// Whether all was done that the finding asks for.
bool act(Controllers& controllers, const Finding& finding) {
  auto& telemetry = controllers.env.telemetry;
  if (finding.kind == Finding::Kind::kAlarm) {
    telemetry.note(EventKind::kWarning, "rules: " + finding.evidence.text, detail_of(finding, Change::kAlarm));
  } else if (!finding.enforced()) {
    telemetry.note(EventKind::kDecision, wish_of(finding), detail_of(finding, Change::kReported));
  } else if (const Status done = enforce(controllers, finding); !done) {
    auto detail = detail_of(finding, Change::kRefused);
    detail.finding->outcome = "refused";
    detail.finding->explanation = done.error().message;
    telemetry.note(EventKind::kWarning, wish_of(finding) + "; not enforced: " + done.error().message,
                   std::move(detail));
    return false;
  }
  return true;
}

constexpr std::string_view kRuleOrigin = "rule:";

std::vector<behavior::Evaluator::Earlier> earlier_of(const Controllers& controllers) {
  const auto repeaters = controllers.env.decisions.repeaters();
  std::vector<behavior::Evaluator::Earlier> earlier;
  if (!repeaters) {
    controllers.env.telemetry.note(EventKind::kWarning,
                                   "rules: repeaters are not remembered: " + repeaters.error().message);
    return earlier;
  }
  for (const auto& repeater : *repeaters) {
    if (!repeater.origin.starts_with(kRuleOrigin)) continue;
    earlier.push_back({.rule = repeater.origin.substr(kRuleOrigin.size()),
                       .source = repeater.target,
                       .decisions = repeater.decisions,
                       .quiet_until = repeater.quiet_until,
                       .until = repeater.until});
  }
  return earlier;
}

// A prefix is spared when any part of it is on a safelist.
bool is_safelisted(const Controllers& controllers, const Prefix& source) {
  const auto present = controllers.enforcement.in_force();
  if (!present) return false;
  const auto touches = [&](const policy::SafelistEntry& entry) { return entry.prefix.overlaps(source); };
  return std::any_of(present->policy.safelist.begin(), present->policy.safelist.end(), touches) ||
         std::any_of(present->extra_safelist.begin(), present->extra_safelist.end(), touches);
}

}  // namespace

RuleEngine::Actions rule_actions(Controllers& controllers) {
  return {
      .act = [&controllers](const Finding& finding) { return act(controllers, finding); },
      .is_safelisted = [&controllers](const Prefix& source) { return is_safelisted(controllers, source); },
      .earlier = [&controllers] { return earlier_of(controllers); },
      .warn = [&controllers](const std::string& what) { controllers.env.telemetry.note(EventKind::kWarning, what); },
      .look = [&controllers](const inspect::Summary& summary) { return controllers.identities.look(summary); },
      .follow = [&controllers] { return controllers.identities.follow(); }};
}

}  // namespace tidegate::control
