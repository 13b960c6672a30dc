// SPDX-License-Identifier: Apache-2.0
// Decisions as rows. Inside tidegate_decisions only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/base/database.hpp"
#include "agent/decisions/schema.hpp"

namespace tidegate::decisions {

// The columns that read_decision() expects, in order; `d` is the decision.
#define TIDEGATE_DECISION_COLUMNS                                                                                    \
  "d.id, d.target, d.action, d.created, d.expires, d.reason, d.forced, d.actor, d.packets, d.packets_per, d.bytes, " \
  "d.bytes_per, (SELECT name FROM origins WHERE id = d.origin)"

Decision read_decision(const Statement& row);
// Every remaining row.
Result<std::vector<Decision>> read_all(Statement& statement);

// The id of an origin; none: no decision ever had it.
Result<std::optional<std::int64_t>> find_origin(Database& database, std::string_view name);

// Puts decisions into the table, within a transaction of the caller. Several rows go into one statement: starting and
// ending one costs as much as a row.
class RowWriter {
 public:
  static Result<RowWriter> create(Database& database, WallTime now);

  // Replaces a decision of the same target, action and origin. Returns the id. `decision` is copied.
  Result<std::int64_t> put(const NewDecision& decision);
  // Writes what is held back and records which ids are taken.
  Status finish();

  std::int64_t next_id() const { return next_id_; }

 private:
  struct Row {
    std::int64_t id = 0;
    TargetKey target{};
    Action action = Action::kBlock;
    std::int64_t origin = 0;
    std::optional<std::int64_t> expires;
    std::string reason;
    bool forced = false;
    std::string actor;
    LimitRates limit;
  };
  static constexpr std::size_t kRows = 16;
  static constexpr int kColumns = 13;

  RowWriter(Database& database, std::int64_t next_id, WallTime now)
      : database_(database), rows_(kRows), next_id_(next_id), created_(to_milliseconds(now)) {}
  Result<std::int64_t> origin_id(const std::string& name);
  void bind(Statement& statement, int at, const Row& row) const;
  Status write_full();
  Status write_rest();

  Database& database_;
  std::optional<Statement> insert_;  // kRows rows
  std::vector<Row> rows_;
  std::size_t held_ = 0;
  std::int64_t next_id_;
  std::int64_t created_;
  std::string last_origin_;  // most changes are of one origin
  std::int64_t last_origin_id_ = 0;
};

}  // namespace tidegate::decisions
