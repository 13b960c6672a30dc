// SPDX-License-Identifier: Apache-2.0
// What events say of decisions, for programs that read them.
#pragma once

#include <cstdint>
#include <string>

#include "agent/behavior/finding.hpp"
#include "agent/decisions/decision.hpp"
#include "agent/telemetry/decision_detail.hpp"

namespace tidegate::control {

telemetry::DecisionDetail detail_of(const decisions::Decision& decision, telemetry::DecisionDetail::Change change);
// Many at once. Empty texts are not known.
telemetry::DecisionDetail summary_of(telemetry::DecisionDetail::Change change, std::uint64_t count,
                                     const std::string& origin, const std::string& actor);
telemetry::RuleFinding finding_of(const behavior::Finding& finding);
// One that is not stored: reported only, refused, or an alarm.
telemetry::DecisionDetail detail_of(const behavior::Finding& finding, telemetry::DecisionDetail::Change change);

}  // namespace tidegate::control
