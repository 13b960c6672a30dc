// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/rows.hpp"

namespace tidegate::decisions {
namespace {

// Of `rows` rows, in the order of RowWriter::bind().
std::string insert_of(std::size_t rows, int columns) {
  std::string row = "(?";
  for (int i = 1; i < columns; ++i) row += ",?";
  row += ")";
  std::string sql =
      "INSERT OR REPLACE INTO decisions(id, target, action, origin, created, expires, reason, forced, actor, packets, "
      "packets_per, bytes, bytes_per) VALUES" +
      row;
  for (std::size_t i = 1; i < rows; ++i) sql += "," + row;
  return sql;
}

}  // namespace

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
  return RowWriter(database, next.integer(0), now);
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
  Row& row = rows_[held_];
  TIDEGATE_ASSIGN(row.origin, origin_id(decision.origin));
  row.id = next_id_++;
  row.target = to_key(decision.target);
  row.action = decision.action;
  row.expires.reset();
  if (decision.expires) row.expires = to_milliseconds_up(*decision.expires);
  row.reason = decision.reason;
  row.forced = decision.forced;
  row.actor = decision.actor;
  row.limit = decision.limit;
  if (++held_ == kRows) TIDEGATE_TRY(write_full());
  return row.id;
}

void RowWriter::bind(Statement& statement, int at, const Row& row) const {
  statement.bind(at + 1, row.id);
  statement.bind_bytes(at + 2, row.target);
  statement.bind(at + 3, static_cast<std::int64_t>(row.action));
  statement.bind(at + 4, row.origin);
  statement.bind(at + 5, created_);
  statement.bind(at + 6, row.expires);
  statement.bind(at + 7, std::string_view(row.reason));
  statement.bind(at + 8, std::int64_t{row.forced});
  statement.bind(at + 9, std::string_view(row.actor));
  bind_rate(statement, at + 10, row.limit.packets);
  bind_rate(statement, at + 12, row.limit.bytes);
}

Status RowWriter::write_full() {
  if (!insert_) {
    static const std::string sql = insert_of(kRows, kColumns);
    TIDEGATE_ASSIGN(Statement insert, database_.prepare(sql));
    insert_.emplace(std::move(insert));
  }
  for (std::size_t i = 0; i < kRows; ++i) bind(*insert_, static_cast<int>(i) * kColumns, rows_[i]);
  held_ = 0;
  return insert_->run();
}

Status RowWriter::write_rest() {
  static const std::string sql = insert_of(1, kColumns);
  TIDEGATE_ASSIGN(Statement insert, database_.prepare(sql));
  for (std::size_t i = 0; i < held_; ++i) {
    bind(insert, 0, rows_[i]);
    TIDEGATE_TRY(insert.run());
  }
  held_ = 0;
  return {};
}

Status RowWriter::finish() {
  TIDEGATE_TRY(write_rest());
  TIDEGATE_ASSIGN(Statement update, database_.prepare("UPDATE next_id SET value = ?1"));
  update.bind(1, next_id_);
  return update.run();
}

}  // namespace tidegate::decisions
