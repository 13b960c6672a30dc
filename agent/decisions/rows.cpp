// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/rows.hpp"

namespace tidegate::decisions {

Decision read_decision(const Statement& row) {
  Decision decision;
  decision.id = row.integer(0);
  decision.target = from_key(row.bytes(1));
  decision.action = static_cast<Action>(row.integer(2));
  decision.created = from_milliseconds(row.integer(3));
  decision.expires = from_milliseconds(row.optional_integer(4));
  decision.reason = row.text(5);
  decision.forced = row.integer(6) != 0;
  decision.actor = row.text(7);
  decision.limit = {.packets = rate_at(row, 8), .bytes = rate_at(row, 10)};
  decision.origin = row.text(12);
  return decision;
}

Result<std::vector<Decision>> read_all(Statement& statement) {
  std::vector<Decision> all;
  for (;;) {
    TIDEGATE_ASSIGN(const bool any, statement.step());
    if (!any) return all;
    all.push_back(read_decision(statement));
  }
}

Result<std::optional<std::int64_t>> find_origin(Database& database, std::string_view name) {
  TIDEGATE_ASSIGN(Statement find, database.prepare("SELECT id FROM origins WHERE name = ?1"));
  find.bind(1, name);
  TIDEGATE_ASSIGN(const bool found, find.step());
  return found ? std::optional(find.integer(0)) : std::nullopt;
}

Result<RowWriter> RowWriter::create(Database& database, WallTime now) {
  TIDEGATE_ASSIGN(Statement next, database.prepare("SELECT value FROM next_id"));
  TIDEGATE_TRY(next.step());
  TIDEGATE_ASSIGN(
      Statement insert,
      database.prepare("INSERT OR REPLACE INTO decisions(id, target, action, origin, created, expires, reason, "
                       "forced, actor, packets, packets_per, bytes, bytes_per) "
                       "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"));
  return RowWriter(database, std::move(insert), next.integer(0), now);
}

Result<std::int64_t> RowWriter::origin_id(const std::string& name) {
  if (last_origin_id_ != 0 && name == last_origin_) return last_origin_id_;
  TIDEGATE_ASSIGN(auto found, find_origin(database_, name));
  if (!found) {
    TIDEGATE_ASSIGN(Statement add, database_.prepare("INSERT INTO origins(name) VALUES(?1)"));
    add.bind(1, name);
    TIDEGATE_TRY(add.run());
    TIDEGATE_ASSIGN(found, find_origin(database_, name));
  }
  last_origin_ = name;
  last_origin_id_ = found.value_or(0);
  return last_origin_id_;
}

Result<std::int64_t> RowWriter::put(const NewDecision& decision) {
  TIDEGATE_TRY(validate(decision));
  TIDEGATE_ASSIGN(const std::int64_t origin, origin_id(decision.origin));
  const TargetKey key = to_key(decision.target);
  insert_.bind(1, next_id_);
  insert_.bind_bytes(2, key);
  insert_.bind(3, static_cast<std::int64_t>(decision.action));
  insert_.bind(4, origin);
  insert_.bind(5, created_);
  if (decision.expires) {
    insert_.bind(6, to_milliseconds_up(*decision.expires));
  } else {
    insert_.bind_null(6);
  }
  insert_.bind(7, std::string_view(decision.reason));
  insert_.bind(8, std::int64_t{decision.forced});
  insert_.bind(9, std::string_view(decision.actor));
  bind_rate(insert_, 10, decision.limit.packets);
  bind_rate(insert_, 12, decision.limit.bytes);
  TIDEGATE_TRY(insert_.run());
  return next_id_++;
}

Status RowWriter::finish() {
  TIDEGATE_ASSIGN(Statement update, database_.prepare("UPDATE next_id SET value = ?1"));
  update.bind(1, next_id_);
  return update.run();
}

}  // namespace tidegate::decisions
