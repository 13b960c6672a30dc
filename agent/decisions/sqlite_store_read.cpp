// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/decisions/effect_rows.hpp"
#include "agent/decisions/repeaters.hpp"
#include "agent/decisions/rows.hpp"
#include "agent/decisions/sqlite_store.hpp"

namespace tidegate::decisions {
Result<std::vector<Decision>> SqliteStore::page_of(const Query& query, std::int64_t after, std::size_t most) const {
  auto database = reader_.lock();
  std::optional<std::int64_t> origin;
  if (query.origin) {
    TIDEGATE_ASSIGN(origin, find_origin(*database, *query.origin));
    if (!origin) return std::vector<Decision>{};
  }
  TIDEGATE_ASSIGN(Statement page, database->prepare("SELECT " TIDEGATE_DECISION_COLUMNS
                                                    " FROM decisions d WHERE d.id > ?1 AND " TIDEGATE_IN_FORCE
                                                    " AND (?3 IS NULL OR d.origin = ?3) ORDER BY d.id LIMIT ?4"));
  page.bind(1, after);
  page.bind(2, now());
  page.bind(3, origin);
  page.bind(4, static_cast<std::int64_t>(most));
  return read_all(page);
}

Status SqliteStore::each(const Query& query, const std::function<bool(const Decision&)>& visit) const {
  if (query.contains) return each_covering(query, visit);
  std::uint64_t left = query.limit == 0 ? UINT64_MAX : query.limit;
  std::int64_t after = 0;
  while (left > 0) {
    const std::size_t most = std::min<std::uint64_t>(left, kPage);
    TIDEGATE_ASSIGN(const auto page, page_of(query, after, most));
    for (const Decision& decision : page) {
      if (!visit(decision)) return {};
    }
    if (page.size() < most) return {};
    after = page.back().id;
    left -= page.size();
  }
  return {};
}

Status SqliteStore::each_covering(const Query& query, const std::function<bool(const Decision&)>& visit) const {
  TIDEGATE_ASSIGN(const auto found, covering(Prefix::host(*query.contains)));
  std::uint64_t left = query.limit == 0 ? UINT64_MAX : query.limit;
  for (const Decision& decision : found) {
    if (query.origin && decision.origin != *query.origin) continue;
    if (left-- == 0 || !visit(decision)) return {};
  }
  return {};
}

// One exact lookup per prefix length: at most 129, whatever the size of the table.
Result<std::vector<Decision>> SqliteStore::covering(const Prefix& target) const {
  std::vector<Decision> all;
  auto database = reader_.lock();
  TIDEGATE_TRY(database->read([&]() -> Status {
    TIDEGATE_ASSIGN(Statement find, database->prepare("SELECT " TIDEGATE_DECISION_COLUMNS
                                                      " FROM decisions d WHERE d.target = ?1 AND " TIDEGATE_IN_FORCE
                                                      " ORDER BY d.action, d.origin"));
    find.bind(2, now());
    for (int length = target.length; length >= 0; --length) {
      const TargetKey key = to_key(Prefix::around(target.address, static_cast<unsigned>(length)));
      find.bind_bytes(1, key);
      TIDEGATE_ASSIGN(auto found, read_all(find));
      std::ranges::move(found, std::back_inserter(all));
      find.reset();
    }
    return {};
  }));
  return all;
}

Result<std::vector<Effect>> SqliteStore::effects(std::span<const Prefix> targets) const {
  std::vector<Effect> effects;
  auto database = reader_.lock();
  TIDEGATE_TRY(database->read([&]() -> Status {
    TIDEGATE_ASSIGN(effects, effects_of_targets(*database, targets, now()));
    return {};
  }));
  return effects;
}

Status SqliteStore::each_effect(const std::function<void(const Effect&)>& visit) const {
  EffectScan pass(now());
  for (;;) {
    TIDEGATE_ASSIGN(const auto effects, pass.next(*reader_.lock()));
    if (effects.empty()) return {};
    for (const Effect& effect : effects) {
      if (effect.blocked || effect.limited) visit(effect);
    }
  }
}

Status SqliteStore::each_effect_of(const Stored& stored, const std::function<void(const Effect&)>& visit) const {
  const std::int64_t end = stored.first_id + static_cast<std::int64_t>(stored.count);
  for (std::int64_t first = stored.first_id; first < end;) {
    TIDEGATE_ASSIGN(const auto targets, targets_from(*reader_.lock(), first, end));
    TIDEGATE_ASSIGN(const auto page, effects(targets));
    std::ranges::for_each(page, visit);
  }
  return {};
}

Result<std::uint64_t> SqliteStore::rows(Database& database) const {
  const std::uint64_t at = changes_.load();
  auto counted = counted_.lock();
  if (counted->at != at) {
    TIDEGATE_ASSIGN(Statement all, database.prepare("SELECT count(*) FROM decisions"));
    TIDEGATE_TRY(all.step());
    *counted = {.at = at, .rows = static_cast<std::uint64_t>(all.integer(0))};
  }
  return counted->rows;
}

Result<std::vector<Repeater>> SqliteStore::repeaters() const { return read_repeaters(*reader_.lock(), now()); }

Result<std::uint64_t> SqliteStore::count() const {
  auto database = reader_.lock();
  TIDEGATE_ASSIGN(const std::uint64_t all, rows(*database));
  TIDEGATE_ASSIGN(Statement expired,
                  database->prepare("SELECT count(*) FROM decisions WHERE expires IS NOT NULL AND expires <= ?1"));
  expired.bind(1, now());
  TIDEGATE_TRY(expired.step());
  return all - static_cast<std::uint64_t>(expired.integer(0));
}

}  // namespace tidegate::decisions
