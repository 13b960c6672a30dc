// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/schema.hpp"

#include <chrono>

namespace tidegate::decisions {
namespace {

// Rows are appended in order of id; by_target is what "several per target" and every lookup go by. Origins are few and
// their names long, hence a table of their own. A second index on expiry holds only what expires.
constexpr const char* kVersion1 = R"sql(
CREATE TABLE origins(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE decisions(
  id INTEGER PRIMARY KEY,
  target BLOB NOT NULL,      -- address in network order (IPv4 mapped), length of the 128-bit form
  action INTEGER NOT NULL,   -- 0 block, 1 limit, 2 monitor
  origin INTEGER NOT NULL,   -- origins.id
  created INTEGER NOT NULL,  -- milliseconds since 1970
  expires INTEGER,           -- likewise; null: until removed
  reason TEXT NOT NULL,
  forced INTEGER NOT NULL,
  actor TEXT NOT NULL,
  packets INTEGER, packets_per INTEGER, bytes INTEGER, bytes_per INTEGER);
CREATE UNIQUE INDEX by_target ON decisions(target, action, origin);
CREATE INDEX by_expiry ON decisions(expires) WHERE expires IS NOT NULL;
CREATE TABLE next_id(value INTEGER NOT NULL);
INSERT INTO next_id VALUES(1);
CREATE TABLE safelist(
  prefix BLOB NOT NULL,
  interface TEXT NOT NULL,
  ceiling INTEGER, ceiling_per INTEGER,
  reason TEXT NOT NULL,
  actor TEXT NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY(prefix, interface)) WITHOUT ROWID
)sql";

// Whom rules decided on before: the decisions themselves are gone when they expire. What was saved of a damaged file
// (docs/decisions.md) has the table already, though it says that it is of version 1.
constexpr const char* kVersion2 = R"sql(
CREATE TABLE IF NOT EXISTS repeaters(
  target BLOB NOT NULL,
  origin INTEGER NOT NULL,       -- origins.id
  decisions INTEGER NOT NULL,
  quiet_until INTEGER NOT NULL,  -- milliseconds since 1970
  until INTEGER NOT NULL,        -- likewise
  PRIMARY KEY(target, origin)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS repeaters_by_until ON repeaters(until)
)sql";

constexpr const char* kMigrations[] = {kVersion1, kVersion2};

}  // namespace

Result<Database> open_database(const std::filesystem::path& file, Access access, bool check_integrity) {
  return Database::open({.file = file,
                         .migrations = kMigrations,
                         .page_cache_kib = access == Access::kWrite ? 4096 : 2048,
                         .check_integrity = check_integrity,
                         .read_only = access == Access::kRead,
                         .most_pages = {}});
}

TargetKey to_key(const Prefix& prefix) {
  TargetKey key;
  for (unsigned i = 0; i < 8; ++i) {
    key[i] = static_cast<unsigned char>(prefix.address.hi >> (56 - 8 * i));
    key[8 + i] = static_cast<unsigned char>(prefix.address.lo >> (56 - 8 * i));
  }
  key[16] = prefix.length;
  return key;
}

Prefix from_key(std::span<const unsigned char> bytes) {
  if (bytes.size() != std::tuple_size_v<TargetKey>) return {};
  return Prefix::around(Address::from_bytes(bytes.data(), 16), bytes[16]);
}

std::int64_t to_milliseconds(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

std::int64_t to_milliseconds_up(WallTime time) {
  return std::chrono::ceil<std::chrono::milliseconds>(time).time_since_epoch().count();
}

WallTime from_milliseconds(std::int64_t milliseconds) { return WallTime(std::chrono::milliseconds(milliseconds)); }

std::optional<WallTime> from_milliseconds(std::optional<std::int64_t> milliseconds) {
  if (!milliseconds) return std::nullopt;
  return from_milliseconds(*milliseconds);
}

void bind_rate(Statement& statement, int at, const std::optional<Rate>& rate) {
  if (rate) {
    statement.bind(at, static_cast<std::int64_t>(rate->amount));
    statement.bind(at + 1, static_cast<std::int64_t>(rate->per.count()));
  } else {
    statement.bind_null(at);
    statement.bind_null(at + 1);
  }
}

std::optional<Rate> rate_at(const Statement& statement, int at) {
  if (statement.is_null(at)) return std::nullopt;
  return Rate{static_cast<std::uint64_t>(statement.integer(at)), std::chrono::seconds(statement.integer(at + 1))};
}

}  // namespace tidegate::decisions
