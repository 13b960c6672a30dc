// SPDX-License-Identifier: Apache-2.0
#include "agent/control/policy_controller.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "agent/control/guards.hpp"

namespace tidegate::control {
namespace {

using telemetry::EventKind;

std::vector<policy::Issue> warnings_of(const std::vector<policy::Issue>& issues) {
  std::vector<policy::Issue> warnings;
  for (const auto& issue : issues) {
    if (issue.warning) warnings.push_back(issue);
  }
  return warnings;
}

// An error of the policy file at start: one line, of several the first.
Error located_in(const std::string& file, const Error& error) {
  const bool located = error.code == ErrorCode::kInvalidArgument && !error.message.empty() &&
                       std::isdigit(static_cast<unsigned char>(error.message.front())) != 0;
  const bool missing = error.code == ErrorCode::kNotFound;  // an interface: there is a policy
  const std::size_t end = error.message.find('\n');
  std::string text = file + (located ? ":" : ": ") + error.message.substr(0, end);
  if (end != std::string::npos) {
    const auto more = std::count(error.message.begin(), error.message.end(), '\n');
    text += "; and " + std::to_string(more) + " more; `tidegate policy check " + file + "` shows all";
  }
  return {missing ? ErrorCode::kFailedPrecondition : error.code, std::move(text)};
}

}  // namespace

// A policy without a description enforces all the same; `status` says what is missing.
void PolicyController::load_descriptions(Candidate& candidate, Descriptions descriptions) const {
  if (!env_.load_descriptions) return;
  for (policy::Issue& issue : env_.load_descriptions(candidate.policy)) {
    issue.warning = issue.warning || descriptions == Descriptions::kIfPossible;
    candidate.issues.push_back(std::move(issue));
  }
}

PolicyController::Candidate PolicyController::read(const std::string& text, Descriptions descriptions) const {
  auto parsed = env_.read_policy(text);
  Candidate candidate{std::move(parsed.policy), std::move(parsed.issues), false};
  const auto failed = [&] {
    return std::any_of(candidate.issues.begin(), candidate.issues.end(),
                       [](const auto& issue) { return !issue.warning; });
  };
  if (!failed()) load_descriptions(candidate, descriptions);
  if (failed()) return candidate;
  const auto report = enforcement_.prepare(candidate.policy);
  candidate.issues.insert(candidate.issues.end(), report.issues.begin(), report.issues.end());
  candidate.valid = report.compiled.has_value();
  return candidate;
}

std::vector<policy::Change> PolicyController::changes_to(const policy::Policy& next) const {
  const auto present = enforcement_.in_force();
  return policy::diff(present ? present->policy : policy::Policy{}, next);
}

CheckReport PolicyController::check(const std::string& text) const {
  Candidate candidate = read(text);
  return {std::move(candidate.issues), std::move(candidate.policy.not_enforced), candidate.valid};
}

DiffReport PolicyController::diff(const std::string& text) const {
  Candidate candidate = read(text);
  DiffReport report{{}, std::move(candidate.issues), candidate.valid};
  if (report.valid) report.changes = changes_to(candidate.policy);
  return report;
}

std::optional<history::Generation> PolicyController::pending() const {
  auto pending = env_.history.pending();
  return pending ? std::move(*pending) : std::nullopt;
}

Status PolicyController::refuse_while_pending() const {
  TIDEGATE_ASSIGN(const auto waiting, env_.history.pending());
  if (!waiting) return {};
  const std::string until = waiting->confirm_by ? " until " + to_rfc3339(*waiting->confirm_by) : std::string();
  return fail(ErrorCode::kFailedPrecondition, "policy: generation " + std::to_string(waiting->generation) +
                                                  " waits for confirm" + until +
                                                  "; `tidegate policy confirm` or `policy rollback` first");
}

Status PolicyController::refuse_endless_confirm(const ApplyRequest& request) const {
  if (!request.confirm_within) return {};
  if (*request.confirm_within < std::chrono::seconds(1)) {
    return fail(ErrorCode::kInvalidArgument, "--confirm: at least 1s");
  }
  if (enforcement_.in_force()) return {};
  return fail(ErrorCode::kFailedPrecondition,
              "--confirm: no policy is in force to go back to; apply the first one without --confirm");
}

Status PolicyController::guard(const policy::Policy& next, const Caller& caller) {
  const auto present = enforcement_.in_force();
  const auto allowed = guard_policy(env_, present.get(), next, caller.peers);
  if (allowed || !caller.force || allowed.error().code != ErrorCode::kFailedPrecondition) return allowed;
  return env_.history.audit(
      {.time = {}, .actor = caller.actor, .action = "policy apply", .detail = "forced: " + allowed.error().message});
}

Result<ApplyReport> PolicyController::apply(const ApplyRequest& request) {
  const std::lock_guard lock(changing_);
  Candidate candidate = read(request.text);
  if (!candidate.valid) return fail(ErrorCode::kInvalidArgument, errors_of(candidate.issues));
  TIDEGATE_TRY(refuse_while_pending());
  TIDEGATE_TRY(refuse_endless_confirm(request));
  if (request.dry_run) {
    const auto present = enforcement_.in_force();
    if (!request.force) TIDEGATE_TRY(guard_policy(env_, present.get(), candidate.policy, request.caller_peers));
    return ApplyReport{present ? present->generation : 0, changes_to(candidate.policy), warnings_of(candidate.issues),
                       candidate.policy.not_enforced, std::nullopt};
  }
  TIDEGATE_TRY(guard(candidate.policy, {request.actor, request.caller_peers, request.force}));
  TIDEGATE_ASSIGN(const auto begun, env_.history.begin({.text = request.text,
                                                        .actor = request.actor,
                                                        .comment = request.comment.empty() ? "apply" : request.comment,
                                                        .confirm_within = request.confirm_within}));
  return install(std::move(candidate), begun);
}

Status PolicyController::into_datapath(const policy::Policy& next, std::uint64_t generation) {
  TIDEGATE_TRY(enforcement_.put(next, generation));
  return attach_.attach_all(next);
}

// Best effort: what cannot be undone in the datapath now is put right by start(), from the history.
void PolicyController::undo(const Before& before, std::uint64_t generation) {
  const auto& earlier = before.in_force;
  if (earlier && enforcement_.in_force() != earlier) (void)enforcement_.put(earlier->policy, earlier->generation);
  attach_.put_back(before.attachments);
  (void)env_.history.discard(generation);
}

Result<ApplyReport> PolicyController::install(Candidate candidate, const history::Generation& begun) {
  const Before before = present();
  ApplyReport report{begun.generation, changes_to(candidate.policy), warnings_of(candidate.issues),
                     candidate.policy.not_enforced, std::nullopt};
  if (const auto done = into_datapath(candidate.policy, begun.generation); !done) {
    undo(before, begun.generation);
    return std::unexpected(done.error());
  }
  const auto finished = env_.history.finish(begun.generation);
  if (!finished) {
    undo(before, begun.generation);
    return std::unexpected(finished.error());
  }
  for (const auto& problem : attach_.drop_unnamed()) env_.telemetry.note(EventKind::kWarning, problem);
  report.confirm_by = finished->confirm_by;
  env_.telemetry.note(EventKind::kPolicy, "generation " + std::to_string(begun.generation) + " in force (" +
                                              finished->comment + ", " + finished->actor + ")");
  return report;
}

Result<std::uint64_t> PolicyController::confirm(const std::string& actor) {
  const std::lock_guard lock(changing_);
  TIDEGATE_ASSIGN(const auto overdue, env_.history.overdue());
  if (overdue) {
    return fail(ErrorCode::kFailedPrecondition, "policy: the time to confirm generation " +
                                                    std::to_string(overdue->generation) +
                                                    " is over, it is being taken back; apply it again");
  }
  TIDEGATE_ASSIGN(const auto confirmed, env_.history.confirm());
  env_.telemetry.note(EventKind::kPolicy,
                      "generation " + std::to_string(confirmed.generation) + " confirmed by " + actor);
  return confirmed.generation;
}

Result<ApplyReport> PolicyController::revert(const std::string& actor) {
  TIDEGATE_ASSIGN(const auto begun, env_.history.begin_revert(actor));
  Candidate candidate = read(begun.text, Descriptions::kIfPossible);
  if (!candidate.valid) {
    (void)env_.history.discard(begun.generation);
    return fail(ErrorCode::kInternal,
                "policy: the earlier text cannot be put in force any more: " + first_error_of(candidate.issues));
  }
  return install(std::move(candidate), begun);
}

Result<ApplyReport> PolicyController::rollback(const RollbackRequest& request) {
  const std::lock_guard lock(changing_);
  TIDEGATE_ASSIGN(const auto waiting, env_.history.pending());
  TIDEGATE_ASSIGN(const auto target,
                  request.generation == 0 ? env_.history.previous() : env_.history.get(request.generation));
  if (waiting) {
    TIDEGATE_ASSIGN(const auto before, env_.history.previous());
    if (target.generation == before.generation) return revert(request.actor);
    return std::unexpected(refuse_while_pending().error());
  }
  Candidate candidate = read(target.text, Descriptions::kIfPossible);
  if (!candidate.valid) return fail(ErrorCode::kInvalidArgument, errors_of(candidate.issues));
  TIDEGATE_TRY(guard(candidate.policy, {request.actor, request.caller_peers, request.force}));
  TIDEGATE_ASSIGN(const auto begun, env_.history.begin({.text = target.text,
                                                        .actor = request.actor,
                                                        .comment = "rollback to " + std::to_string(target.generation),
                                                        .confirm_within = std::nullopt}));
  return install(std::move(candidate), begun);
}

Result<history::Generation> PolicyController::show(std::uint64_t generation) const {
  if (generation != 0) return env_.history.get(generation);
  TIDEGATE_ASSIGN(auto present, env_.history.in_force());
  if (!present) return fail(ErrorCode::kNotFound, "no policy is in force: `tidegate policy apply FILE`");
  return std::move(*present);
}

Status PolicyController::revert_overdue() {
  const std::lock_guard lock(changing_);
  TIDEGATE_ASSIGN(const auto overdue, env_.history.overdue());
  if (!overdue) return {};
  TIDEGATE_TRY(take_back(*overdue));
  env_.telemetry.note(EventKind::kWarning, "policy generation " + std::to_string(overdue->generation) +
                                               " was not confirmed in time and has been taken back");
  return {};
}

// Under its own number while its record is missing: whoever looks sees what is enforced.
Status PolicyController::take_back(const history::Generation& overdue) {
  TIDEGATE_ASSIGN(const auto earlier, env_.history.previous());
  const Candidate candidate = read(earlier.text, Descriptions::kIfPossible);
  if (!candidate.valid) {
    return fail(ErrorCode::kInternal, "policy: the earlier text cannot be put in force any more: " +
                                          first_error_of(candidate.issues) + "; `tidegate policy apply` another one");
  }
  const auto begun = env_.history.begin_revert("tidegated");
  const auto enforced = enforce_earlier(candidate.policy, begun ? begun->generation : earlier.generation);
  const auto finished = begun && enforced ? env_.history.finish(begun->generation) : begun;
  if (begun && !(enforced && finished)) (void)env_.history.discard(begun->generation);
  if (!enforced) return enforced;
  if (finished) return {};
  if (begun) TIDEGATE_TRY(enforcement_.put(candidate.policy, earlier.generation));
  return fail(finished.error().code,
              "policy: generation " + std::to_string(overdue.generation) + " was not confirmed in time: generation " +
                  std::to_string(earlier.generation) +
                  " is enforced again, but that cannot be recorded: " + finished.error().message);
}

// An interface that cannot be had stands in nobody's way here: watch() goes on trying.
Status PolicyController::enforce_earlier(const policy::Policy& earlier, std::uint64_t generation) {
  const auto now = enforcement_.in_force();
  if (now && now->generation == generation) return {};
  TIDEGATE_TRY(enforcement_.put(earlier, generation));
  if (const auto done = attach_.attach_all(earlier); !done) {
    env_.telemetry.note(EventKind::kWarning, done.error().message);
  }
  for (const auto& problem : attach_.drop_unnamed()) env_.telemetry.note(EventKind::kWarning, problem);
  return {};
}

Status PolicyController::resume(const history::Generation& generation) {
  Candidate candidate = read(generation.text, Descriptions::kIfPossible);
  if (!candidate.valid) {
    return fail(ErrorCode::kDataLoss,
                "policy: generation " + std::to_string(generation.generation) +
                    " of the state directory cannot be put in force: " + first_error_of(candidate.issues));
  }
  return enforcement_.put(std::move(candidate.policy), generation.generation);
}

Status PolicyController::start() {
  {
    const std::lock_guard lock(changing_);
    TIDEGATE_ASSIGN(const auto present, env_.history.in_force());
    if (present) return resume(*present);
  }
  TIDEGATE_ASSIGN(auto text, env_.policy_file());
  const auto applied = apply({.text = std::move(text),
                              .confirm_within = std::nullopt,
                              .dry_run = false,
                              .force = false,
                              .comment = "first start",
                              .actor = "tidegated"});
  if (applied) return {};
  return std::unexpected(located_in(env_.policy_file_name, applied.error()));
}

}  // namespace tidegate::control
