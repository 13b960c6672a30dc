// SPDX-License-Identifier: Apache-2.0
#include "agent/control/sync.hpp"

#include <algorithm>
#include <utility>

#include "agent/policy/compile.hpp"

namespace tidegate::control {
namespace {

constexpr std::size_t kBatch = 65536;
constexpr std::chrono::seconds kClockStep{1};

std::chrono::nanoseconds offset_of(const Clock& clock) { return clock.wall().time_since_epoch() - clock.monotonic(); }

}  // namespace

struct DatapathSync::Batch {
  bool whole = false;  // replaces the tables: what is not named goes by itself
  std::vector<kernel::BlockEntry> blocks;
  std::vector<kernel::LimitEntry> limits;
  std::vector<Prefix> unblocked;
  std::vector<Prefix> unlimited;
  std::size_t size() const { return blocks.size() + limits.size() + unblocked.size() + unlimited.size(); }
};

MonotonicTime DatapathSync::to_monotonic(WallTime time) const {
  return std::max(time.time_since_epoch() - offset_of(env_.clock), std::chrono::nanoseconds(1));
}

Status DatapathSync::add(Batch& batch, const decisions::Effect& effect) const {
  if (effect.blocked) {
    std::optional<MonotonicTime> until;
    if (effect.blocked_until) until = to_monotonic(*effect.blocked_until);
    batch.blocks.push_back({effect.target, until});
  } else if (!batch.whole) {
    batch.unblocked.push_back(effect.target);
  }
  if (!effect.limited) {
    if (!batch.whole) batch.unlimited.push_back(effect.target);
    return {};
  }
  kernel::LimitEntry entry{.target = effect.target, .expires = std::nullopt};
  if (effect.limited_until) entry.expires = to_monotonic(*effect.limited_until);
  if (effect.limit.packets) {
    TIDEGATE_ASSIGN(const auto rate, policy::to_gcra(*effect.limit.packets, std::nullopt, false, env_.tick));
    entry.packets_cost = rate.cost;
    entry.packets_burst = rate.burst;
  }
  if (effect.limit.bytes) {
    TIDEGATE_ASSIGN(const auto rate, policy::to_gcra(*effect.limit.bytes, std::nullopt, true, env_.tick));
    entry.bytes_cost = rate.cost;
    entry.bytes_burst = rate.burst;
  }
  batch.limits.push_back(entry);
  return {};
}

// Removals first: they make room.
Status DatapathSync::flush(Batch& batch) const {
  if (!batch.unblocked.empty()) TIDEGATE_TRY(env_.datapath.remove_blocks(batch.unblocked));
  if (!batch.unlimited.empty()) TIDEGATE_TRY(env_.datapath.remove_limits(batch.unlimited));
  if (!batch.blocks.empty()) TIDEGATE_TRY(env_.datapath.put_blocks(batch.blocks));
  if (!batch.limits.empty()) TIDEGATE_TRY(env_.datapath.put_limits(batch.limits));
  batch = {};
  return {};
}

Status DatapathSync::targets(std::span<const Prefix> targets) {
  TIDEGATE_ASSIGN(const auto effects, env_.decisions.effects(targets));
  Batch batch;
  for (const auto& effect : effects) TIDEGATE_TRY(add(batch, effect));
  return flush(batch);
}

Status DatapathSync::effects(const decisions::Effects& effects) {
  Batch batch;
  Status status;
  TIDEGATE_TRY(effects([&](const decisions::Effect& effect) {
    if (!status) return;
    status = add(batch, effect);
    if (status && batch.size() >= kBatch) status = flush(batch);
  }));
  if (!status) return status;
  return flush(batch);
}

Status DatapathSync::all() {
  Batch batch;
  batch.whole = true;
  TIDEGATE_ASSIGN(const auto count, env_.decisions.count());
  batch.blocks.reserve(count);
  Status status;
  offset_ = offset_of(env_.clock);
  TIDEGATE_TRY(env_.decisions.each_effect([&](const decisions::Effect& effect) {
    if (status) status = add(batch, effect);
  }));
  if (!status) return status;
  TIDEGATE_TRY(env_.datapath.replace_blocks(batch.blocks));
  return env_.datapath.replace_limits(batch.limits);
}

bool DatapathSync::clock_was_set() const {
  const auto moved = offset_of(env_.clock) - offset_;
  return moved > kClockStep || moved < -kClockStep;
}

}  // namespace tidegate::control
