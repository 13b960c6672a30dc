// SPDX-License-Identifier: Apache-2.0
// Effects from rows, on one connection. Inside tidegate_decisions only.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "agent/base/database.hpp"
#include "agent/decisions/effect.hpp"
#include "agent/decisions/schema.hpp"

namespace tidegate::decisions {

// Expiry is exclusive, as in the datapath: at its very millisecond a decision no longer holds.
#define TIDEGATE_IN_FORCE "(d.expires IS NULL OR d.expires > ?2)"

inline constexpr std::size_t kPage = 1024;

// By one exact lookup per target.
Result<std::vector<Effect>> effects_of_targets(Database& database, std::span<const Prefix> targets, std::int64_t now);

// A pass over all targets in order, a page at a time.
class EffectScan {
 public:
  // `only`: targets that none of these decisions names are passed over.
  explicit EffectScan(std::int64_t now, std::optional<Stored> only = {}) : now_(now), only_(only) {}

  // The next effects, at most a page of them, those with nothing in force included. None: that was all.
  Result<std::vector<Effect>> next(Database& database);

 private:
  bool is_at(std::span<const unsigned char> target) const;
  Status move_to(std::span<const unsigned char> target);
  bool names(std::int64_t id) const;

  std::int64_t now_;
  std::optional<Stored> only_;
  TargetKey key_{};
  std::size_t key_size_ = 0;  // 0: before the first; the empty key sorts before every other
};

// The targets of the next decisions from id `first` on, below `end`, at most a page; `first` moves on.
Result<std::vector<Prefix>> targets_from(Database& database, std::int64_t& first, std::int64_t end);

// Whether a pass over everything is cheaper than a lookup for each decision in `stored`.
Result<bool> deserves_scan(Database& database, const Stored& stored);

// The effects of every target that `stored` names, all at once.
Status visit_effects_of(Database& database, const Stored& stored, std::int64_t now,
                        const std::function<void(const Effect&)>& visit);

}  // namespace tidegate::decisions
