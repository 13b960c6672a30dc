// SPDX-License-Identifier: Apache-2.0
#include "agent/control/rule_actions.hpp"

#include <algorithm>

namespace tidegate::control {
namespace {

using behavior::Finding;
using telemetry::EventKind;

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

// "rule:path-scan would block 192.0.2.1 for 1h: …"
std::string wish_of(const Finding& finding) {
  const std::string target = finding.target ? finding.target->to_string() : format(finding.key);
  const bool monitor = finding.action == behavior::ActionKind::kMonitor;
  return origin_of(finding) + (monitor ? " noticed " : " would " + std::string(to_string(finding.action)) + " ") +
         target + (monitor ? "" : " for " + format_duration(finding.duration)) + ": " + describe(finding);
}

// Whether all was done that the finding asks for.
bool act(Controllers& controllers, const Finding& finding) {
  auto& telemetry = controllers.env.telemetry;
  if (finding.kind == Finding::Kind::kAlarm) {
    telemetry.note(EventKind::kWarning, "rules: " + finding.evidence.text);
  } else if (!finding.enforced()) {
    telemetry.note(EventKind::kDecision, wish_of(finding));
  } else if (const Status done = controllers.decisions.decide(decision_of(finding, controllers.env.clock.wall()));
             !done) {
    telemetry.note(EventKind::kWarning, wish_of(finding) + "; not enforced: " + done.error().message);
    return false;
  }
  return true;
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
      .warn = [&controllers](const std::string& what) { controllers.env.telemetry.note(EventKind::kWarning, what); }};
}

}  // namespace tidegate::control
