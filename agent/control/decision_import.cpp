// SPDX-License-Identifier: Apache-2.0
// Imports: parsed and guarded line by line into a spool, then stored and enforced as one.
#include <utility>

#include "agent/control/decision_controller.hpp"
#include "agent/control/decision_details.hpp"
#include "agent/control/guards.hpp"

namespace tidegate::control {

using decisions::NewDecision;

ImportSession::ImportSession(DecisionController& controller, const ImportRequest& request, decisions::Guard guard,
                             std::unique_ptr<decisions::Spool> spool, WallTime now)
    : controller_(controller), request_(request), guard_(std::move(guard)), spool_(std::move(spool)) {
  parser_ = decisions::ImportParser::create(
      {.format = request.format, .origin = request.origin, .now = now, .actor = request.actor},
      [this](NewDecision&& decision) { return accept(std::move(decision)); });
}

// The guard's refusal is an error of the line; a failing disk is one of the import.
Status ImportSession::accept(NewDecision&& decision) {
  const auto allowed = guard_.check(decision.target, decision.action);
  if (!allowed && !request_.force) return allowed;
  decision.forced = !allowed;
  forced_ += decision.forced ? 1 : 0;
  if (spooling_) spooling_ = spool_->add(decision);
  return {};
}

Status ImportSession::feed(std::string_view chunk) {
  parser_->feed(chunk);
  return spooling_;
}

Result<decisions::ImportSummary> ImportSession::finish() {
  auto summary = parser_->finish();
  if (!spooling_) return std::unexpected(spooling_.error());
  if (summary.error_count > 0 || spool_->size() == 0) return summary;
  if (forced_ > 0) {
    TIDEGATE_TRY(controller_.env_.history.audit({.time = {},
                                                 .actor = request_.actor,
                                                 .action = "import",
                                                 .detail = "forced: " + std::to_string(forced_) + " decisions"}));
  }
  TIDEGATE_TRY(controller_.store_import(*spool_));
  controller_.env_.telemetry.note(telemetry::EventKind::kDecision,
                                  std::to_string(summary.accepted) + " decisions imported by " + request_.actor,
                                  summary_of(telemetry::DecisionDetail::Change::kImported, summary.accepted,
                                             request_.origin.value_or(""), request_.actor));
  return summary;
}

Result<std::unique_ptr<ImportSession>> DecisionController::import(const ImportRequest& request) {
  TIDEGATE_ASSIGN(auto guard, guard_now(env_, enforcement_, request.caller_peers));
  TIDEGATE_ASSIGN(auto spool, env_.make_spool());
  return std::unique_ptr<ImportSession>(
      new ImportSession(*this, request, std::move(guard), std::move(spool), env_.clock.wall()));
}

// Stored only when the datapath has room for all of it. Should it have none, or the commit fail after all, the tables
// hold more than the store: then they follow it again.
Status DecisionController::store_import(decisions::Spool& spool) {
  TIDEGATE_ASSIGN(const auto next, spool.drain());
  const std::lock_guard lock(changing_);
  bool touched = false;
  const auto stored = env_.decisions.put_stream(next, [&](const decisions::Effects& effects) {
    touched = true;
    return sync_.effects(effects);
  });
  if (stored) return {};
  if (touched) (void)reconcile();
  return std::unexpected(stored.error());
}

}  // namespace tidegate::control
