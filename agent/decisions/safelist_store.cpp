// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/safelist_store.hpp"

#include <utility>

#include "agent/base/guarded.hpp"
#include "agent/decisions/schema.hpp"

namespace tidegate::decisions {
namespace {

#define TIDEGATE_SAFELIST_COLUMNS "prefix, interface, ceiling, ceiling_per, reason, actor, created"

SafelistEntry read_entry(const Statement& row) {
  SafelistEntry entry;
  entry.prefix = from_key(row.bytes(0));
  entry.interface = row.text(1);
  entry.ceiling = rate_at(row, 2);
  entry.reason = row.text(4);
  entry.actor = row.text(5);
  entry.created = from_milliseconds(row.integer(6));
  return entry;
}

Result<std::vector<SafelistEntry>> read_entries(Statement& rows) {
  std::vector<SafelistEntry> entries;
  for (;;) {
    TIDEGATE_ASSIGN(const bool any, rows.step());
    if (!any) return entries;
    entries.push_back(read_entry(rows));
  }
}

Status check(const NewSafelistEntry& entry) {
  TIDEGATE_TRY(check_text("interface", entry.interface, kMostNameBytes));
  TIDEGATE_TRY(check_text("reason", entry.reason, kMostReasonBytes));
  return check_text("actor", entry.actor, kMostNameBytes);
}

Status insert(Database& database, const NewSafelistEntry& entry, std::int64_t created) {
  TIDEGATE_ASSIGN(Statement row, database.prepare("INSERT OR REPLACE INTO safelist(" TIDEGATE_SAFELIST_COLUMNS
                                                  ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
  const TargetKey key = to_key(entry.prefix);
  row.bind_bytes(1, key);
  row.bind(2, std::string_view(entry.interface));
  bind_rate(row, 3, entry.ceiling);
  row.bind(5, std::string_view(entry.reason));
  row.bind(6, std::string_view(entry.actor));
  row.bind(7, created);
  return row.run();
}

Status check_size(Database& database) {
  TIDEGATE_ASSIGN(Statement count, database.prepare("SELECT count(*) FROM safelist"));
  TIDEGATE_TRY(count.step());
  if (count.integer(0) <= static_cast<std::int64_t>(SafelistStore::kMostEntries)) return {};
  return fail(ErrorCode::kResourceExhausted, "the safelist holds at most " +
                                                 std::to_string(SafelistStore::kMostEntries) +
                                                 " entries; remove some or use wider prefixes");
}

Result<std::vector<SafelistEntry>> take(Database& database, const Prefix& prefix) {
  const TargetKey key = to_key(prefix);
  TIDEGATE_ASSIGN(Statement find,
                  database.prepare("SELECT " TIDEGATE_SAFELIST_COLUMNS " FROM safelist WHERE prefix = ?1"));
  find.bind_bytes(1, key);
  TIDEGATE_ASSIGN(auto found, read_entries(find));
  if (found.empty()) {
    return fail(ErrorCode::kNotFound, prefix.to_string() +
                                          " is not an entry of `tidegate safelist add`; `tidegate safelist list` shows "
                                          "them, those of the policy are removed there");
  }
  TIDEGATE_ASSIGN(Statement remove, database.prepare("DELETE FROM safelist WHERE prefix = ?1"));
  remove.bind_bytes(1, key);
  TIDEGATE_TRY(remove.run());
  return found;
}

class SqliteSafelist final : public SafelistStore {
 public:
  SqliteSafelist(Database database, const Clock& clock) : clock_(clock), database_(std::move(database)) {}

  Result<std::vector<SafelistEntry>> add(std::span<const NewSafelistEntry> entries) override {
    const std::int64_t created = to_milliseconds(clock_.wall());
    std::vector<SafelistEntry> added;
    auto database = database_.lock();
    TIDEGATE_TRY(database->transaction([&]() -> Status {
      for (const NewSafelistEntry& entry : entries) {
        TIDEGATE_TRY(check(entry));
        TIDEGATE_TRY(insert(*database, entry, created));
        added.push_back({entry, from_milliseconds(created)});
      }
      return check_size(*database);
    }));
    return added;
  }

  Result<std::vector<SafelistEntry>> remove(std::span<const Prefix> prefixes) override {
    std::vector<SafelistEntry> removed;
    auto database = database_.lock();
    TIDEGATE_TRY(database->transaction([&]() -> Status {
      for (const Prefix& prefix : prefixes) {
        TIDEGATE_ASSIGN(auto taken, take(*database, prefix));
        removed.insert(removed.end(), std::make_move_iterator(taken.begin()), std::make_move_iterator(taken.end()));
      }
      return {};
    }));
    return removed;
  }

  Result<std::vector<SafelistEntry>> list() const override {
    auto database = database_.lock();
    TIDEGATE_ASSIGN(Statement all,
                    database->prepare("SELECT " TIDEGATE_SAFELIST_COLUMNS " FROM safelist ORDER BY prefix, interface"));
    return read_entries(all);
  }

 private:
  const Clock& clock_;
  mutable Guarded<Database> database_;
};

}  // namespace

Result<std::unique_ptr<SafelistStore>> SafelistStore::open(const std::filesystem::path& file, const Clock& clock) {
  TIDEGATE_ASSIGN(Database database, open_database(file, Access::kWrite, false));
  return std::make_unique<SqliteSafelist>(std::move(database), clock);
}

}  // namespace tidegate::decisions
