// SPDX-License-Identifier: Apache-2.0
// Store on SQLite. Inside tidegate_decisions only.
#pragma once

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/database.hpp"
#include "agent/base/guarded.hpp"
#include "agent/decisions/store.hpp"

namespace tidegate::decisions {

// Two connections, each behind its lock: one writes, one reads. A visitor is always called without a lock, between
// pages of bounded size.
class SqliteStore final : public Store {
 public:
  SqliteStore(Database writer, Database reader, const Clock& clock)
      : clock_(clock), writer_(std::move(writer)), reader_(std::move(reader)) {}

  Result<std::vector<Decision>> put(std::span<const NewDecision> decisions, const Enforce& enforce,
                                    std::span<const Repeater> repeaters) override;
  Result<std::uint64_t> put_many(std::span<const NewDecision> decisions) override;
  Result<Stored> put_stream(const std::function<Result<const NewDecision*>()>& next, const Enforce& enforce) override;
  Result<std::vector<Decision>> remove_ids(std::span<const std::int64_t> ids) override;
  Result<std::vector<Decision>> remove_origin(const std::string& origin) override;
  Result<std::vector<Decision>> remove_origin_some(const std::string& origin, std::size_t most) override;
  Result<std::vector<Decision>> remove_target(const Prefix& target, const std::string& origin) override;
  Result<std::vector<Decision>> remove_expired(std::size_t most) override;

  Status each(const Query& query, const std::function<bool(const Decision&)>& visit) const override;
  Result<std::vector<Decision>> covering(const Prefix& target) const override;
  Result<std::vector<Effect>> effects(std::span<const Prefix> targets) const override;
  Status each_effect(const std::function<void(const Effect&)>& visit) const override;
  Status each_effect_of(const Stored& stored, const std::function<void(const Effect&)>& visit) const override;
  Result<std::uint64_t> count() const override;
  Result<std::vector<Repeater>> repeaters() const override;

 private:
  static constexpr std::uint64_t kBulk = 20'000;  // decisions from which a change deserves its own cache and checkpoint

  struct Counted {
    std::uint64_t at = 0;  // the value of changes_ for which `rows` holds
    std::uint64_t rows = 0;
  };

  Result<Stored> store_all(Database& database, const std::function<Result<const NewDecision*>()>& next) const;
  Status put_rows(Database& database, std::span<const NewDecision> decisions, WallTime created,
                  std::vector<Decision>& result) const;
  // Removes what `select` finds, in one transaction.
  Result<std::vector<Decision>> remove(const std::function<Result<std::vector<Decision>>(Database&)>& select);
  Result<std::vector<Decision>> page_of(const Query& query, std::int64_t after, std::size_t most) const;
  Status each_covering(const Query& query, const std::function<bool(const Decision&)>& visit) const;
  Result<std::uint64_t> rows(Database& database) const;
  Status remember(Database& database, std::span<const Repeater> repeaters);
  std::int64_t now() const;

  const Clock& clock_;
  mutable Guarded<Database> writer_;
  mutable Guarded<Database> reader_;
  std::uint64_t remembered_ = 0;           // changes of repeaters since start; with the writer's lock
  std::atomic<std::uint64_t> changes_{1};  // grows with every mutation
  mutable Guarded<Counted> counted_;
};

}  // namespace tidegate::decisions
