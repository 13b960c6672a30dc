// SPDX-License-Identifier: Apache-2.0
#include "agent/history/schema.hpp"

namespace tidegate::history {
namespace {

// AUTOINCREMENT: a number is never given twice, not even after discard().
constexpr const char* kVersion1 = R"sql(
CREATE TABLE generations(
  generation INTEGER PRIMARY KEY AUTOINCREMENT,
  applied INTEGER NOT NULL,     -- nanoseconds since 1970
  actor TEXT NOT NULL,
  comment TEXT NOT NULL,
  state INTEGER NOT NULL,       -- 0 applying, 1 pending confirm, 2 active, 3 superseded
  confirm_within INTEGER,       -- nanoseconds
  confirm_by INTEGER,
  text TEXT NOT NULL);
CREATE INDEX by_state ON generations(state) WHERE state < 3;
CREATE TABLE detached(interface TEXT PRIMARY KEY, since INTEGER NOT NULL, actor TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE audit(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  detail TEXT NOT NULL)
)sql";

constexpr const char* kMigrations[] = {kVersion1};

}  // namespace

Result<Database> open_database(const std::filesystem::path& file) {
  return Database::open({.file = file, .migrations = kMigrations, .page_cache_kib = 1024, .most_pages = {}});
}

Generation read_generation(const Statement& row) {
  Generation generation;
  generation.generation = static_cast<std::uint64_t>(row.integer(0));
  generation.applied = from_nanoseconds(row.integer(1));
  generation.actor = row.text(2);
  generation.comment = row.text(3);
  generation.state = static_cast<GenerationState>(row.integer(4));
  if (const auto by = row.optional_integer(5)) generation.confirm_by = from_nanoseconds(*by);
  generation.text = row.text(6);
  return generation;
}

std::int64_t to_nanoseconds(WallTime time) { return time.time_since_epoch().count(); }
WallTime from_nanoseconds(std::int64_t nanoseconds) { return WallTime(std::chrono::nanoseconds(nanoseconds)); }

}  // namespace tidegate::history
