// SPDX-License-Identifier: Apache-2.0
// Opening and changing; sqlite_store_read.cpp has the rest.
#include "agent/decisions/sqlite_store.hpp"

#include <algorithm>
#include <utility>

#include "agent/decisions/effect_rows.hpp"
#include "agent/decisions/repeaters.hpp"
#include "agent/decisions/rows.hpp"

namespace tidegate::decisions {
namespace {

using Next = std::function<Result<const NewDecision*>()>;
using Visit = std::function<void(const Effect&)>;

constexpr int kBulkCacheKib = 8 * 1024;  // 24 MiB would save a third of a second import with random expiries
constexpr int kCacheKib = 4096;
constexpr std::uint64_t kTrimEvery = 64;  // changes of repeaters

// Enough cache while one transaction touches many pages, so that none is written twice.
class BulkMode {
 public:
  BulkMode(Database& database, bool active) : database_(database), active_(active) {
    if (active_) static_cast<void>(database_.enlarge_cache(kBulkCacheKib));
  }
  BulkMode(const BulkMode&) = delete;
  BulkMode& operator=(const BulkMode&) = delete;
  ~BulkMode() {
    if (!active_) return;
    static_cast<void>(database_.enlarge_cache(kCacheKib));
    database_.checkpoint_and_shrink();
  }

 private:
  Database& database_;
  bool active_;
};

Status remove_rows(Database& database, std::span<const Decision> decisions) {
  TIDEGATE_ASSIGN(Statement remove, database.prepare("DELETE FROM decisions WHERE id = ?1"));
  for (const Decision& decision : decisions) {
    remove.bind(1, decision.id);
    TIDEGATE_TRY(remove.run());
  }
  return {};
}

// In order of target, so that the index grows at its end; of equal ones the later stays later.
std::vector<const NewDecision*> in_order(std::span<const NewDecision> decisions) {
  std::vector<std::pair<Prefix, const NewDecision*>> sorted;
  sorted.reserve(decisions.size());
  for (const NewDecision& decision : decisions) sorted.emplace_back(decision.target, &decision);
  if (!std::ranges::is_sorted(sorted)) std::ranges::sort(sorted);
  std::vector<const NewDecision*> order(sorted.size());
  std::ranges::transform(sorted, order.begin(), [](const auto& entry) { return entry.second; });
  return order;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& file, const Clock& clock) {
  TIDEGATE_ASSIGN(Database writer, open_database(file, Access::kWrite, true));
  TIDEGATE_ASSIGN(Database reader, open_database(file, Access::kRead, false));
  return std::make_unique<SqliteStore>(std::move(writer), std::move(reader), clock);
}

std::int64_t SqliteStore::now() const { return to_milliseconds(clock_.wall()); }

Result<Stored> SqliteStore::store_all(Database& database, const Next& next) const {
  TIDEGATE_ASSIGN(RowWriter rows, RowWriter::create(database, clock_.wall()));
  Stored stored{.first_id = rows.next_id(), .count = 0};
  for (;; ++stored.count) {
    TIDEGATE_ASSIGN(const NewDecision* decision, next());
    if (decision == nullptr) break;
    TIDEGATE_TRY(rows.put(*decision));
  }
  TIDEGATE_TRY(rows.finish());
  return stored;
}

Result<Stored> SqliteStore::put_stream(const Next& next, const Enforce& enforce) {
  auto database = writer_.lock();
  const BulkMode bulk(*database, true);
  Stored stored;
  TIDEGATE_TRY(database->transaction([&]() -> Status {
    TIDEGATE_ASSIGN(stored, store_all(*database, next));
    if (!enforce) return {};
    return enforce([&](const Visit& visit) { return visit_effects_of(*database, stored, now(), visit); });
  }));
  ++changes_;
  return stored;
}

Result<std::uint64_t> SqliteStore::put_many(std::span<const NewDecision> decisions) {
  const auto order = in_order(decisions);
  std::size_t at = 0;
  const Next next = [&]() -> Result<const NewDecision*> { return at < order.size() ? order[at++] : nullptr; };
  auto database = writer_.lock();
  const BulkMode bulk(*database, decisions.size() >= kBulk);
  Stored stored;
  TIDEGATE_TRY(database->transaction([&]() -> Status {
    TIDEGATE_ASSIGN(stored, store_all(*database, next));
    return {};
  }));
  ++changes_;
  return stored.count;
}

Status SqliteStore::put_rows(Database& database, std::span<const NewDecision> decisions, WallTime created,
                             std::vector<Decision>& result) const {
  TIDEGATE_ASSIGN(RowWriter rows, RowWriter::create(database, created));
  for (const NewDecision& decision : decisions) {
    TIDEGATE_ASSIGN(const std::int64_t id, rows.put(decision));
    Decision& stored = result.emplace_back(Decision{decision, id, created});
    if (stored.expires) stored.expires = from_milliseconds(to_milliseconds_up(*stored.expires));
  }
  return rows.finish();
}

// Trimmed now and then: until then there are a few more than are kept.
Status SqliteStore::remember(Database& database, std::span<const Repeater> repeaters) {
  if (repeaters.empty()) return {};
  TIDEGATE_TRY(put_repeaters(database, repeaters));
  return remembered_++ % kTrimEvery == 0 ? trim_repeaters(database, now()) : Status();
}

Result<std::vector<Decision>> SqliteStore::put(std::span<const NewDecision> decisions, const Enforce& enforce,
                                               std::span<const Repeater> repeaters) {
  std::vector<Decision> result;
  result.reserve(decisions.size());
  if (decisions.empty()) return result;
  auto database = writer_.lock();
  TIDEGATE_TRY(database->transaction([&]() -> Status {
    TIDEGATE_TRY(put_rows(*database, decisions, from_milliseconds(now()), result));
    TIDEGATE_TRY(remember(*database, repeaters));
    if (!enforce) return {};
    const Stored stored{.first_id = result.front().id, .count = result.size()};
    return enforce([&](const Visit& visit) { return visit_effects_of(*database, stored, now(), visit); });
  }));
  ++changes_;
  return result;
}

Result<std::vector<Decision>> SqliteStore::remove(
    const std::function<Result<std::vector<Decision>>(Database&)>& select) {
  auto database = writer_.lock();
  TIDEGATE_ASSIGN(auto found, select(*database));
  if (found.empty()) return found;
  const BulkMode bulk(*database, found.size() >= kBulk);
  TIDEGATE_TRY(database->transaction([&] { return remove_rows(*database, found); }));
  ++changes_;
  return found;
}

Result<std::vector<Decision>> SqliteStore::remove_ids(std::span<const std::int64_t> ids) {
  std::vector<std::int64_t> sorted(ids.begin(), ids.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  return remove([&](Database& database) -> Result<std::vector<Decision>> {
    TIDEGATE_ASSIGN(Statement find,
                    database.prepare("SELECT " TIDEGATE_DECISION_COLUMNS " FROM decisions d WHERE d.id = ?1"));
    std::vector<Decision> found;
    for (const std::int64_t id : sorted) {
      find.bind(1, id);
      TIDEGATE_ASSIGN(const bool any, find.step());
      if (any) found.push_back(read_decision(find));
      find.reset();
    }
    return found;
  });
}

Result<std::vector<Decision>> SqliteStore::remove_origin(const std::string& origin) {
  return remove_origin_some(origin, static_cast<std::size_t>(INT64_MAX));
}

Result<std::vector<Decision>> SqliteStore::remove_origin_some(const std::string& origin, std::size_t most) {
  return remove([&](Database& database) -> Result<std::vector<Decision>> {
    TIDEGATE_ASSIGN(const auto id, find_origin(database, origin));
    if (!id) return std::vector<Decision>{};
    TIDEGATE_ASSIGN(Statement find, database.prepare("SELECT " TIDEGATE_DECISION_COLUMNS
                                                     " FROM decisions d WHERE d.origin = ?1 ORDER BY d.id LIMIT ?2"));
    find.bind(1, *id);
    find.bind(2, static_cast<std::int64_t>(most));
    return read_all(find);
  });
}

Result<std::vector<Decision>> SqliteStore::remove_target(const Prefix& target, const std::string& origin) {
  const TargetKey key = to_key(target);
  return remove([&](Database& database) -> Result<std::vector<Decision>> {
    TIDEGATE_ASSIGN(const auto id, find_origin(database, origin));
    if (!id) return std::vector<Decision>{};
    TIDEGATE_ASSIGN(Statement find,
                    database.prepare("SELECT " TIDEGATE_DECISION_COLUMNS
                                     " FROM decisions d WHERE d.target = ?1 AND d.origin = ?2 ORDER BY d.id"));
    find.bind_bytes(1, key);
    find.bind(2, *id);
    return read_all(find);
  });
}

Result<std::vector<Decision>> SqliteStore::remove_expired(std::size_t most) {
  return remove([&](Database& database) -> Result<std::vector<Decision>> {
    TIDEGATE_ASSIGN(Statement find, database.prepare("SELECT " TIDEGATE_DECISION_COLUMNS
                                                     " FROM decisions d WHERE d.expires IS NOT NULL AND d.expires <= ?1"
                                                     " ORDER BY d.expires LIMIT ?2"));
    find.bind(1, now());
    find.bind(2, static_cast<std::int64_t>(most));
    return read_all(find);
  });
}

}  // namespace tidegate::decisions
