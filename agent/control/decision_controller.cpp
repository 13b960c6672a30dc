// SPDX-License-Identifier: Apache-2.0
#include "agent/control/decision_controller.hpp"

#include <utility>

#include "agent/control/decision_details.hpp"
#include "agent/control/guards.hpp"

namespace tidegate::control {
namespace {

using decisions::Action;
using decisions::Decision;
using decisions::NewDecision;
using telemetry::EventKind;
using Change = telemetry::DecisionDetail::Change;

constexpr std::size_t kMostTargets = 10000;  // of one command; imports are for more
constexpr std::size_t kMostNotes = 100;      // single events of one change
constexpr std::size_t kExpireBatch = 10000;
constexpr std::size_t kRemoveBatch = 20000;
constexpr std::chrono::seconds kRepairAgain{10};

std::string describe(const Decision& decision) {
  std::string text = std::string(to_string(decision.action)) + ' ' + decision.target.to_string() + " by " +
                     decision.origin + " (" + decision.actor + ")";
  if (!decision.reason.empty()) text += ": " + decision.reason;
  return text;
}

template <typename Decisions>
std::vector<Prefix> targets_of(const Decisions& decisions) {
  std::vector<Prefix> targets;
  targets.reserve(decisions.size());
  for (const auto& decision : decisions) targets.push_back(decision.target);
  return targets;
}

Result<std::vector<Prefix>> parse_targets(const std::vector<std::string>& texts) {
  if (texts.empty()) return fail(ErrorCode::kInvalidArgument, "no target: name an address or a CIDR");
  if (texts.size() > kMostTargets) {
    return fail(ErrorCode::kInvalidArgument,
                "more than " + std::to_string(kMostTargets) + " targets: use `tidegate decisions import`");
  }
  std::vector<Prefix> targets;
  for (const auto& text : texts) {
    TIDEGATE_ASSIGN(const Prefix target, Prefix::parse(text));
    targets.push_back(target);
  }
  return targets;
}

}  // namespace

Result<std::vector<NewDecision>> DecisionController::drafts(const DecisionRequest& request, Action action) {
  TIDEGATE_ASSIGN(const auto targets, parse_targets(request.targets));
  TIDEGATE_ASSIGN(const auto guard, guard_now(env_, enforcement_, request.caller_peers));
  std::optional<WallTime> expires;
  if (request.duration) expires = env_.clock.wall() + *request.duration;
  std::vector<NewDecision> drafts;
  for (const Prefix& target : targets) {
    const auto allowed = guard.check(target, action);
    if (!allowed && !request.force) return std::unexpected(allowed.error());
    NewDecision draft;
    draft.target = target;
    draft.action = action;
    draft.reason = request.reason;
    draft.expires = expires;
    draft.forced = !allowed;
    draft.actor = request.actor;
    drafts.push_back(std::move(draft));
  }
  return drafts;
}

Result<std::vector<Decision>> DecisionController::block(const DecisionRequest& request) {
  TIDEGATE_ASSIGN(const auto made, drafts(request, Action::kBlock));
  return enforce(made);
}

Result<std::vector<Decision>> DecisionController::limit(const DecisionRequest& request,
                                                        const decisions::LimitRates& rates) {
  if (!rates.packets && !rates.bytes) {
    return fail(ErrorCode::kInvalidArgument, "no rate: give --packets, --bytes or both");
  }
  TIDEGATE_ASSIGN(auto made, drafts(request, Action::kLimit));
  for (auto& draft : made) draft.limit = rates;
  return enforce(made);
}

Status DecisionController::decide(const NewDecision& decision, const telemetry::RuleFinding& finding,
                                  const std::optional<decisions::Repeater>& repeater) {
  TIDEGATE_ASSIGN(const auto guard, guard_now(env_, enforcement_, {}));
  TIDEGATE_TRY(guard.check(decision.target, decision.action));
  std::span<const decisions::Repeater> repeaters;
  if (repeater) repeaters = {&*repeater, 1};
  TIDEGATE_TRY(enforce({decision}, &finding, repeaters));
  return {};
}

Status DecisionController::audit_forced(const std::vector<NewDecision>& drafts) {
  for (const auto& draft : drafts) {
    if (!draft.forced) continue;
    TIDEGATE_TRY(env_.history.audit({.time = {},
                                     .actor = draft.actor,
                                     .action = std::string(to_string(draft.action)),
                                     .detail = "forced: " + draft.target.to_string()}));
  }
  return {};
}

Result<std::vector<Decision>> DecisionController::enforce(const std::vector<NewDecision>& drafts,
                                                          const telemetry::RuleFinding* finding,
                                                          std::span<const decisions::Repeater> repeaters) {
  const std::lock_guard lock(changing_);
  TIDEGATE_TRY(audit_forced(drafts));
  auto put = env_.decisions.put(
      drafts, [this](const decisions::Effects& effects) { return sync_.effects(effects); }, repeaters);
  if (!put) {
    (void)remember(sync_.targets(targets_of(drafts)));
    return put;
  }
  note("", *put, Change::kMade, finding);
  return put;
}

Result<std::vector<UnblockOutcome>> DecisionController::unblock(const std::vector<std::string>& texts,
                                                                const std::string& actor) {
  TIDEGATE_ASSIGN(const auto targets, parse_targets(texts));
  const std::lock_guard lock(changing_);
  std::vector<UnblockOutcome> outcomes;
  for (const Prefix& target : targets) {
    TIDEGATE_ASSIGN(const auto removed, env_.decisions.remove_target(target, "operator"));
    TIDEGATE_TRY(sync_removed(removed));
    TIDEGATE_ASSIGN(auto covering, env_.decisions.covering(target));
    if (!removed.empty()) {
      auto detail = detail_of(removed.front(), Change::kRemoved);
      detail.actor = actor;
      detail.count = removed.size();
      env_.telemetry.note(EventKind::kDecision, "unblock " + target.to_string() + " (" + actor + ")",
                          std::move(detail));
    }
    outcomes.push_back(
        {target, static_cast<std::uint32_t>(removed.size()), std::move(covering), identities_.of_client(target)});
  }
  return outcomes;
}

Status DecisionController::list(const decisions::Query& query,
                                const std::function<bool(const Decision&)>& visit) const {
  return env_.decisions.each(query, visit);
}

Result<std::uint64_t> DecisionController::remove_ids(const std::vector<std::int64_t>& ids, const std::string& actor) {
  const std::lock_guard lock(changing_);
  TIDEGATE_ASSIGN(const auto removed, env_.decisions.remove_ids(ids));
  TIDEGATE_TRY(sync_removed(removed));
  note("deleted by " + actor + ": ", removed, Change::kRemoved);
  return removed.size() + note_removed(identities_.remove(ids), actor);
}

std::vector<BlockedIdentity> DecisionController::list_identities(const decisions::Query& query) const {
  auto all = query.contains ? identities_.of_client(Prefix::host(*query.contains)) : identities_.list();
  std::erase_if(all, [&](const BlockedIdentity& one) { return query.origin && one.origin() != *query.origin; });
  return all;
}

std::uint64_t DecisionController::note_removed(const std::vector<BlockedIdentity>& removed, const std::string& actor) {
  for (const auto& one : removed) {
    if (removed.size() > kMostNotes) break;  // the caller says how many
    env_.telemetry.note(EventKind::kDecision, "deleted by " + actor + ": block " + one.target() + " by " +
                                                  one.origin() + ", with " + std::to_string(one.connections.size()) +
                                                  " connections");
  }
  return removed.size();
}

// In steps, for an origin may have millions: each is removed from store and tables before the next.
Result<std::uint64_t> DecisionController::remove_origin(const std::string& origin, const std::string& actor) {
  const std::lock_guard lock(changing_);
  std::uint64_t total = note_removed(identities_.remove_origin(origin), actor);
  for (;;) {
    TIDEGATE_ASSIGN(const auto removed, env_.decisions.remove_origin_some(origin, kRemoveBatch));
    if (removed.empty()) break;
    total += removed.size();
    TIDEGATE_TRY(sync_removed(removed));
  }
  env_.telemetry.note(EventKind::kDecision, std::to_string(total) + " decisions of " + origin + " deleted by " + actor,
                      summary_of(Change::kRemoved, total, origin, actor));
  return total;
}

// Removed from the store is removed: should the tables not follow, tick() repairs them.
Status DecisionController::sync_removed(const std::vector<Decision>& removed) {
  if (removed.empty()) return {};
  return remember(sync_.targets(targets_of(removed)));
}

Status DecisionController::remember(Status status) {
  if (!status) health_.lock()->problem = status.error().message;
  return status;
}

Status DecisionController::reconcile() {
  const auto done = sync_.all();
  auto health = health_.lock();
  health->problem = done ? std::string() : done.error().message;
  if (done) health->synced = env_.clock.monotonic();
  repair_from_ = env_.clock.monotonic() + (done ? std::chrono::seconds(0) : kRepairAgain);
  return done;
}

Status DecisionController::start() {
  const std::lock_guard lock(changing_);
  identities_.start();
  return reconcile();
}

Status DecisionController::tick() {
  const std::unique_lock lock(changing_, std::try_to_lock);
  if (!lock) return {};
  TIDEGATE_ASSIGN(const auto expired, env_.decisions.remove_expired(kExpireBatch));
  TIDEGATE_TRY(sync_removed(expired));
  note("expired: ", expired, Change::kExpired);
  identities_.tick();
  env_.datapath.sweep();
  if (sync_.clock_was_set()) return reconcile();
  if (const std::string known = problem(); !known.empty()) {
    return env_.clock.monotonic() < repair_from_ ? fail(ErrorCode::kUnavailable, known) : reconcile();
  }
  health_.lock()->synced = env_.clock.monotonic();
  return {};
}

// One event each, or one for all when there are many.
void DecisionController::note(const std::string& what, const std::vector<Decision>& decisions, Change change,
                              const telemetry::RuleFinding* finding) {
  if (decisions.size() > kMostNotes) {
    env_.telemetry.note(EventKind::kDecision, what + std::to_string(decisions.size()) + " decisions",
                        summary_of(change, decisions.size(), "", ""));
    return;
  }
  for (const auto& decision : decisions) {
    auto detail = detail_of(decision, change);
    if (finding != nullptr) detail.finding = *finding;
    env_.telemetry.note(EventKind::kDecision, what + describe(decision), std::move(detail));
  }
}

std::string DecisionController::problem() const { return health_.lock()->problem; }

std::uint64_t DecisionController::count() const { return env_.decisions.count().value_or(0); }

std::optional<std::chrono::nanoseconds> DecisionController::sync_age() const {
  const auto synced = health_.lock()->synced;
  if (!synced) return std::nullopt;
  return env_.clock.monotonic() - *synced;
}

}  // namespace tidegate::control
