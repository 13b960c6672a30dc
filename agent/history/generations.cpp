// SPDX-License-Identifier: Apache-2.0
#include "agent/history/generations.hpp"

namespace tidegate::history {
namespace {

using enum GenerationState;

Result<std::optional<Generation>> read_one(Statement& statement) {
  TIDEGATE_ASSIGN(const bool any, statement.step());
  return any ? std::optional(read_generation(statement)) : std::nullopt;
}

Status set_state(Database& database, std::uint64_t generation, GenerationState state,
                 std::optional<std::int64_t> confirm_by) {
  TIDEGATE_ASSIGN(Statement update,
                  database.prepare("UPDATE generations SET state = ?2, confirm_by = ?3 WHERE generation = ?1"));
  update.bind(1, static_cast<std::int64_t>(generation));
  update.bind(2, static_cast<std::int64_t>(state));
  update.bind(3, confirm_by);
  return update.run();
}

Result<Generation> insert(Database& database, const NewGeneration& generation, WallTime now) {
  TIDEGATE_ASSIGN(Statement row, database.prepare("INSERT INTO generations(applied, actor, comment, state, "
                                                  "confirm_within, text) VALUES(?1, ?2, ?3, 0, ?4, ?5) "
                                                  "RETURNING " TIDEGATE_GENERATION_COLUMNS ", text"));
  row.bind(1, to_nanoseconds(now));
  row.bind(2, std::string_view(generation.actor));
  row.bind(3, std::string_view(generation.comment));
  row.bind(4,
           generation.confirm_within ? std::optional<std::int64_t>(generation.confirm_within->count()) : std::nullopt);
  row.bind(5, std::string_view(generation.text));
  TIDEGATE_TRY(row.step());
  Generation made = read_generation(row);
  TIDEGATE_TRY(row.run());
  return made;
}

Status refuse_while_applying(Database& database) {
  TIDEGATE_ASSIGN(const auto other, in_state(database, kApplying));
  if (!other) return {};
  return fail(ErrorCode::kFailedPrecondition, "policy generation " + std::to_string(other->generation) +
                                                  " is being applied at this moment; try again when it is done");
}

// The newest generation that was in force before `generation`.
Result<std::optional<Generation>> before(Database& database, std::uint64_t generation) {
  TIDEGATE_ASSIGN(Statement find, database.prepare("SELECT " TIDEGATE_GENERATION_COLUMNS
                                                   ", text FROM generations WHERE generation < ?1 AND state = 3 "
                                                   "ORDER BY generation DESC LIMIT 1"));
  find.bind(1, static_cast<std::int64_t>(generation));
  return read_one(find);
}

Status prune(Database& database) {
  TIDEGATE_ASSIGN(Statement remove, database.prepare("DELETE FROM generations WHERE state = 3 AND generation <= "
                                                     "(SELECT max(generation) FROM generations) - ?1"));
  remove.bind(1, static_cast<std::int64_t>(History::kMostGenerations));
  return remove.run();
}

std::string range_of(const std::vector<Generation>& generations) {
  if (generations.empty()) return "there is none yet";
  return "there are " + std::to_string(generations.back().generation) + " to " +
         std::to_string(generations.front().generation) + " (`tidegate policy history`)";
}

}  // namespace

Status forget_unfinished(Database& database) { return database.execute("DELETE FROM generations WHERE state = 0"); }

Result<Generation> begin(Database& database, const NewGeneration& generation, WallTime now) {
  TIDEGATE_TRY(refuse_while_applying(database));
  TIDEGATE_ASSIGN(const auto waiting, in_state(database, kPendingConfirm));
  if (waiting) {
    return fail(ErrorCode::kFailedPrecondition,
                "policy generation " + std::to_string(waiting->generation) + " waits for confirmation until " +
                    to_rfc3339(waiting->confirm_by.value_or(now)) +
                    "; `tidegate policy confirm` keeps it, `tidegate policy rollback` takes it back");
  }
  return insert(database, generation, now);
}

Result<Generation> begin_revert(Database& database, const std::string& actor, WallTime now) {
  TIDEGATE_TRY(refuse_while_applying(database));
  TIDEGATE_ASSIGN(const auto waiting, in_state(database, kPendingConfirm));
  if (!waiting) return fail(ErrorCode::kFailedPrecondition, "no policy generation waits for confirmation");
  TIDEGATE_ASSIGN(const auto target, before(database, waiting->generation));
  if (!target) {
    return fail(ErrorCode::kNotFound,
                "there is no policy generation before " + std::to_string(waiting->generation) + " to go back to");
  }
  const std::string comment =
      std::to_string(waiting->generation) + " not confirmed, back to " + std::to_string(target->generation);
  return insert(database, {.text = target->text, .actor = actor, .comment = comment, .confirm_within = {}}, now);
}

Result<Generation> finish(Database& database, std::uint64_t generation, WallTime now) {
  TIDEGATE_ASSIGN(const auto applying, in_state(database, kApplying));
  if (!applying || applying->generation != generation) {
    return fail(ErrorCode::kFailedPrecondition,
                "policy generation " + std::to_string(generation) + " is not being applied");
  }
  TIDEGATE_ASSIGN(const auto old, in_force(database));
  if (old) TIDEGATE_TRY(set_state(database, old->generation, kSuperseded, std::nullopt));
  TIDEGATE_ASSIGN(Statement find, database.prepare("SELECT confirm_within FROM generations WHERE generation = ?1"));
  find.bind(1, static_cast<std::int64_t>(generation));
  TIDEGATE_TRY(find.step());
  const auto within = find.optional_integer(0);
  find.reset();
  if (within) {
    TIDEGATE_TRY(set_state(database, generation, kPendingConfirm, to_nanoseconds(now) + *within));
  } else {
    TIDEGATE_TRY(set_state(database, generation, kActive, std::nullopt));
  }
  TIDEGATE_TRY(prune(database));
  return get(database, generation);
}

Status discard(Database& database, std::uint64_t generation) {
  TIDEGATE_ASSIGN(Statement remove, database.prepare("DELETE FROM generations WHERE generation = ?1 AND state = 0"));
  remove.bind(1, static_cast<std::int64_t>(generation));
  return remove.run();
}

Result<Generation> confirm(Database& database) {
  TIDEGATE_ASSIGN(const auto waiting, in_state(database, kPendingConfirm));
  if (!waiting) {
    return fail(ErrorCode::kFailedPrecondition,
                "no policy waits for confirmation; one that was not confirmed in time has been taken back "
                "(`tidegate policy history`)");
  }
  TIDEGATE_TRY(set_state(database, waiting->generation, kActive, std::nullopt));
  return get(database, waiting->generation);
}

Result<std::optional<Generation>> in_state(Database& database, GenerationState state) {
  TIDEGATE_ASSIGN(Statement find, database.prepare("SELECT " TIDEGATE_GENERATION_COLUMNS
                                                   ", text FROM generations WHERE state = ?1 AND state < 3"));
  find.bind(1, static_cast<std::int64_t>(state));
  return read_one(find);
}

Result<std::optional<Generation>> in_force(Database& database) {
  TIDEGATE_ASSIGN(auto active, in_state(database, kActive));
  if (active) return active;
  return in_state(database, kPendingConfirm);
}

Result<Generation> get(Database& database, std::uint64_t generation) {
  TIDEGATE_ASSIGN(Statement find, database.prepare("SELECT " TIDEGATE_GENERATION_COLUMNS
                                                   ", text FROM generations WHERE generation = ?1 AND state > 0"));
  find.bind(1, static_cast<std::int64_t>(generation));
  TIDEGATE_ASSIGN(auto found, read_one(find));
  if (found) return std::move(*found);
  TIDEGATE_ASSIGN(const auto all, list(database));
  return fail(ErrorCode::kNotFound,
              "there is no policy generation " + std::to_string(generation) + "; " + range_of(all));
}

Result<Generation> previous(Database& database) {
  TIDEGATE_ASSIGN(const auto now, in_force(database));
  TIDEGATE_ASSIGN(auto found, before(database, now ? now->generation : 0));
  if (!found) return fail(ErrorCode::kNotFound, "there is no earlier policy generation to go back to");
  return std::move(*found);
}

Result<std::vector<Generation>> list(Database& database) {
  TIDEGATE_ASSIGN(Statement all, database.prepare("SELECT " TIDEGATE_GENERATION_COLUMNS
                                                  ", '' FROM generations WHERE state > 0 ORDER BY generation DESC"));
  std::vector<Generation> generations;
  for (;;) {
    TIDEGATE_ASSIGN(const bool any, all.step());
    if (!any) return generations;
    generations.push_back(read_generation(all));
  }
}

}  // namespace tidegate::history
