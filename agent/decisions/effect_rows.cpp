// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/effect_rows.hpp"

#include <utility>

namespace tidegate::decisions {
namespace {

#define TIDEGATE_PART_COLUMNS "d.target, d.action, d.expires, d.packets, d.packets_per, d.bytes, d.bytes_per"

// How many rows a pass reads in the time of one lookup.
constexpr std::uint64_t kScanAdvantage = 3;

Part read_part(const Statement& row) {
  return {.action = static_cast<Action>(row.integer(1)),
          .expires = from_milliseconds(row.optional_integer(2)),
          .limit = {.packets = rate_at(row, 3), .bytes = rate_at(row, 5)}};
}

Result<Effect> effect_of(Statement& statement, const Prefix& target) {
  const TargetKey key = to_key(target);
  statement.bind_bytes(1, key);
  EffectBuilder builder;
  for (;;) {
    TIDEGATE_ASSIGN(const bool any, statement.step());
    if (!any) break;
    builder.add(read_part(statement));
  }
  statement.reset();
  return builder.build(target);
}

}  // namespace

Result<std::vector<Effect>> effects_of_targets(Database& database, std::span<const Prefix> targets, std::int64_t now) {
  TIDEGATE_ASSIGN(Statement find, database.prepare("SELECT " TIDEGATE_PART_COLUMNS
                                                   " FROM decisions d WHERE d.target = ?1 AND " TIDEGATE_IN_FORCE));
  find.bind(2, now);
  std::vector<Effect> effects;
  effects.reserve(targets.size());
  for (const Prefix& target : targets) {
    TIDEGATE_ASSIGN(Effect effect, effect_of(find, target));
    effects.push_back(std::move(effect));
  }
  return effects;
}

bool EffectScan::is_at(std::span<const unsigned char> target) const {
  return std::ranges::equal(target, std::span(key_).first(key_size_));
}

Status EffectScan::move_to(std::span<const unsigned char> target) {
  if (target.size() != key_.size()) return fail(ErrorCode::kDataLoss, "a decision has a damaged target");
  std::ranges::copy(target, key_.begin());
  key_size_ = key_.size();
  return {};
}

bool EffectScan::names(std::int64_t id) const {
  return !only_ || (id >= only_->first_id && id - only_->first_id < static_cast<std::int64_t>(only_->count));
}

Result<std::vector<Effect>> EffectScan::next(Database& database) {
  TIDEGATE_ASSIGN(Statement rows, database.prepare("SELECT " TIDEGATE_PART_COLUMNS
                                                   ", d.id FROM decisions d INDEXED BY by_target WHERE d.target > ?1 "
                                                   "ORDER BY d.target"));
  const TargetKey after = key_;
  rows.bind_bytes(1, std::span(after).first(key_size_));
  std::vector<Effect> effects;
  EffectBuilder builder;
  bool open = false;
  bool named = false;
  for (;;) {
    TIDEGATE_ASSIGN(const bool any, rows.step());
    if (open && (!any || !is_at(rows.bytes(0)))) {
      if (named) effects.push_back(builder.build(from_key(key_)));
      builder = {};
      named = false;
    }
    if (!any || effects.size() >= kPage) return effects;
    TIDEGATE_TRY(move_to(rows.bytes(0)));
    open = true;
    named = named || names(rows.integer(7));
    if (rows.is_null(2) || rows.integer(2) > now_) builder.add(read_part(rows));
  }
}

Result<std::vector<Prefix>> targets_from(Database& database, std::int64_t& first, std::int64_t end) {
  TIDEGATE_ASSIGN(Statement find, database.prepare("SELECT target FROM decisions WHERE id >= ?1 AND id < ?2"));
  find.bind(1, first);
  first = std::min(end, first + static_cast<std::int64_t>(kPage));
  find.bind(2, first);
  std::vector<Prefix> targets;
  for (;;) {
    TIDEGATE_ASSIGN(const bool any, find.step());
    if (!any) return targets;
    targets.push_back(from_key(find.bytes(0)));
  }
}

Result<bool> deserves_scan(Database& database, const Stored& stored) {
  if (stored.count < kPage) return false;
  TIDEGATE_ASSIGN(Statement count, database.prepare("SELECT count(*) FROM decisions"));
  TIDEGATE_TRY(count.step());
  return static_cast<std::uint64_t>(count.integer(0)) / kScanAdvantage < stored.count;
}

Status visit_effects_of(Database& database, const Stored& stored, std::int64_t now,
                        const std::function<void(const Effect&)>& visit) {
  TIDEGATE_ASSIGN(const bool scan, deserves_scan(database, stored));
  EffectScan pass(now, stored);
  const std::int64_t end = stored.first_id + static_cast<std::int64_t>(stored.count);
  for (std::int64_t first = stored.first_id; scan || first < end;) {
    std::vector<Effect> effects;
    if (scan) {
      TIDEGATE_ASSIGN(effects, pass.next(database));
      if (effects.empty()) return {};
    } else {
      TIDEGATE_ASSIGN(const auto targets, targets_from(database, first, end));
      TIDEGATE_ASSIGN(effects, effects_of_targets(database, targets, now));
    }
    std::ranges::for_each(effects, visit);
  }
  return {};
}

}  // namespace tidegate::decisions
