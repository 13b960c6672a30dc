// SPDX-License-Identifier: Apache-2.0
// Decisions: guarded, stored, enforced, and only then acknowledged.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/guarded.hpp"
#include "agent/control/enforcement.hpp"
#include "agent/control/environment.hpp"
#include "agent/control/identity_blocks.hpp"
#include "agent/control/sync.hpp"
#include "agent/decisions/guard.hpp"
#include "agent/decisions/transfer.hpp"

namespace tidegate::control {

struct DecisionRequest {
  std::vector<std::string> targets;
  std::optional<std::chrono::nanoseconds> duration;
  std::string reason;
  bool force = false;
  std::vector<std::string> caller_peers;
  std::string actor;
};

struct UnblockOutcome {
  Prefix target;
  std::uint32_t removed = 0;
  std::vector<decisions::Decision> still_covering;  // of other origins or wider prefixes
  std::vector<BlockedIdentity> still_blocked;       // of which connections from there are blocked
};

struct ImportRequest {
  std::optional<std::string> origin;
  std::optional<decisions::Format> format;
  bool force = false;
  std::vector<std::string> caller_peers;
  std::string actor;
};

class DecisionController;

// An import on its way; not thread-safe. Nothing is stored or enforced before finish().
class ImportSession {
 public:
  // Text in chunks of any size. An error (disk full) ends the import.
  Status feed(std::string_view chunk);
  // All or nothing: with errors in the summary nothing was applied.
  Result<decisions::ImportSummary> finish();

 private:
  friend class DecisionController;
  ImportSession(DecisionController& controller, const ImportRequest& request, decisions::Guard guard,
                std::unique_ptr<decisions::Spool> spool, WallTime now);
  Status accept(decisions::NewDecision&& decision);

  DecisionController& controller_;
  const ImportRequest request_;
  const decisions::Guard guard_;
  std::unique_ptr<decisions::Spool> spool_;
  std::unique_ptr<decisions::ImportParser> parser_;
  Status spooling_;
  std::uint64_t forced_ = 0;
};

// Thread-safe: one mutex over every change of store and datapath together, so that the tables follow the store in its
// order. What the datapath has no room for is not stored.
class DecisionController {
 public:
  DecisionController(const Environment& environment, const Enforcement& enforcement, IdentityBlocks& identities)
      : env_(environment), enforcement_(enforcement), identities_(identities), sync_(environment) {}

  Result<std::vector<decisions::Decision>> block(const DecisionRequest& request);
  Result<std::vector<decisions::Decision>> limit(const DecisionRequest& request, const decisions::LimitRates& rates);
  // One of a rule. The lock-out guard holds for it, and nothing overrides it. Again by the same rule: it is replaced.
  // `finding`: why, for the event; `repeater`: what is remembered of it.
  Status decide(const decisions::NewDecision& decision, const telemetry::RuleFinding& finding,
                const std::optional<decisions::Repeater>& repeater);
  Result<std::vector<UnblockOutcome>> unblock(const std::vector<std::string>& targets, const std::string& actor);
  Status list(const decisions::Query& query, const std::function<bool(const decisions::Decision&)>& visit) const;
  Result<std::unique_ptr<ImportSession>> import(const ImportRequest& request);
  // Those of sessions and accounts that the query is about; for what it contains: of which a connection is blocked.
  std::vector<BlockedIdentity> list_identities(const decisions::Query& query) const;
  // Of both.
  Result<std::uint64_t> remove_ids(const std::vector<std::int64_t>& ids, const std::string& actor);
  Result<std::uint64_t> remove_origin(const std::string& origin, const std::string& actor);

  // After start: what the tables hold becomes what the store says. kResourceExhausted: what fits is in.
  Status start();
  // Periodic: expiries, repairs, and a new start() when the wall clock was set. While another change is under way it
  // does nothing: the thread that feeds the watchdog must not wait for an import. A repair that failed (more is stored
  // than there is room for) is tried again after ten seconds: it reads everything.
  Status tick();
  // What keeps the tables from holding all that is stored; empty: nothing.
  std::string problem() const;
  std::uint64_t count() const;
  // When the tables were last known to hold what the store says.
  std::optional<std::chrono::nanoseconds> sync_age() const;

 private:
  friend class ImportSession;
  Result<std::vector<decisions::NewDecision>> drafts(const DecisionRequest& request, decisions::Action action);
  Status audit_forced(const std::vector<decisions::NewDecision>& drafts);
  Result<std::vector<decisions::Decision>> enforce(const std::vector<decisions::NewDecision>& drafts,
                                                   const telemetry::RuleFinding* finding = nullptr,
                                                   std::span<const decisions::Repeater> repeaters = {});
  Status store_import(decisions::Spool& spool);
  Status sync_removed(const std::vector<decisions::Decision>& removed);
  Status reconcile();
  Status remember(Status status);
  void note(const std::string& what, const std::vector<decisions::Decision>& decisions,
            telemetry::DecisionDetail::Change change, const telemetry::RuleFinding* finding = nullptr);
  std::uint64_t note_removed(const std::vector<BlockedIdentity>& removed, const std::string& actor);

  const Environment& env_;
  const Enforcement& enforcement_;
  IdentityBlocks& identities_;
  // What status asks for; apart from `changing_`, which an import holds for seconds.
  struct Health {
    std::string problem;
    std::optional<MonotonicTime> synced;
  };

  std::mutex changing_;
  DatapathSync sync_;
  MonotonicTime repair_from_{0};  // not before
  mutable Guarded<Health> health_;
};

}  // namespace tidegate::control
