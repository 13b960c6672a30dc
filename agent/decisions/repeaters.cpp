// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/repeaters.hpp"

#include "agent/decisions/rows.hpp"

namespace tidegate::decisions {

Status put_repeaters(Database& database, std::span<const Repeater> repeaters) {
  for (const Repeater& repeater : repeaters) {
    TIDEGATE_ASSIGN(const auto origin, find_origin(database, repeater.origin));
    if (!origin) continue;
    TIDEGATE_ASSIGN(Statement put, database.prepare("INSERT OR REPLACE INTO repeaters(target, origin, decisions, "
                                                    "quiet_until, until) VALUES(?1, ?2, ?3, ?4, ?5)"));
    const TargetKey target = to_key(repeater.target);
    put.bind_bytes(1, target);
    put.bind(2, *origin);
    put.bind(3, std::int64_t{repeater.decisions});
    put.bind(4, to_milliseconds_up(repeater.quiet_until));
    put.bind(5, to_milliseconds_up(repeater.until));
    TIDEGATE_TRY(put.run());
  }
  return {};
}

Status trim_repeaters(Database& database, std::int64_t now) {
  TIDEGATE_ASSIGN(Statement over, database.prepare("DELETE FROM repeaters WHERE until <= ?1"));
  over.bind(1, now);
  TIDEGATE_TRY(over.run());
  TIDEGATE_ASSIGN(Statement surplus,
                  database.prepare("DELETE FROM repeaters WHERE (target, origin) IN (SELECT target, origin FROM "
                                   "repeaters ORDER BY until DESC LIMIT -1 OFFSET ?1)"));
  surplus.bind(1, static_cast<std::int64_t>(kMostRepeaters));
  return surplus.run();
}

Result<std::vector<Repeater>> read_repeaters(Database& database, std::int64_t now) {
  TIDEGATE_ASSIGN(Statement all,
                  database.prepare("SELECT r.target, o.name, r.decisions, r.quiet_until, r.until FROM repeaters r JOIN "
                                   "origins o ON o.id = r.origin WHERE r.until > ?1 ORDER BY r.until LIMIT ?2"));
  all.bind(1, now);
  all.bind(2, static_cast<std::int64_t>(kMostRepeaters));
  std::vector<Repeater> repeaters;
  for (;;) {
    TIDEGATE_ASSIGN(const bool any, all.step());
    if (!any) return repeaters;
    repeaters.push_back({.target = from_key(all.bytes(0)),
                         .origin = std::string(all.text(1)),
                         .decisions = static_cast<std::uint32_t>(all.integer(2)),
                         .quiet_until = from_milliseconds(all.integer(3)),
                         .until = from_milliseconds(all.integer(4))});
  }
}

}  // namespace tidegate::decisions
