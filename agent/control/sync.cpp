// SPDX-License-Identifier: Apache-2.0
#include "agent/control/sync.hpp"

#include <algorithm>
#include <utility>

#include "agent/policy/compile.hpp"

namespace tidegate::control {
namespace {

constexpr std::size_t kBatch = 4096;  // what is held of a million decisions at a time: 160 KiB
constexpr std::chrono::seconds kClockStep{1};

std::chrono::nanoseconds offset_of(const Clock& clock) { return clock.wall().time_since_epoch() - clock.monotonic(); }

}  // namespace

struct DatapathSync::Batch {
  bool whole = false;  // a part of everything: what no part names goes by itself
  std::vector<kernel::BlockEntry> blocks;
  std::vector<kernel::LimitEntry> limits;
  std::vector<Prefix> unblocked;
  std::vector<Prefix> unlimited;
  std::vector<Prefix> to_fold;  // whose entry in `limits` is made last, when all that covers it is known
  std::size_t size() const { return blocks.size() + to_fold.size() + unblocked.size() + unlimited.size(); }
  void clear() {
    blocks.clear();
    limits.clear();
    unblocked.clear();
    unlimited.clear();
    to_fold.clear();
  }
};

MonotonicTime DatapathSync::to_monotonic(WallTime time) const {
  return std::max(time.time_since_epoch() - offset_of(env_.clock), std::chrono::nanoseconds(1));
}

void DatapathSync::add(Batch& batch, const decisions::Effect& effect) {
  if (effect.blocked) {
    std::optional<MonotonicTime> until;
    if (effect.blocked_until) until = to_monotonic(*effect.blocked_until);
    batch.blocks.push_back({effect.target, until});
  } else if (!batch.whole) {
    batch.unblocked.push_back(effect.target);
  }
  if (!effect.limited && !batch.whole) batch.unlimited.push_back(effect.target);
  const auto affected =
      effect.limited ? limits_.set(effect.target, {effect.limit, effect.limited_until}) : limits_.remove(effect.target);
  batch.to_fold.insert(batch.to_fold.end(), affected.begin(), affected.end());
}

Result<kernel::LimitEntry> DatapathSync::entry_of(const Prefix& target) const {
  const auto limit = limits_.fold(target, env_.clock.wall());
  kernel::LimitEntry entry{.target = target, .expires = std::nullopt};
  if (limit.until) entry.expires = to_monotonic(*limit.until);
  if (limit.rates.packets) {
    TIDEGATE_ASSIGN(const auto rate, policy::to_gcra(*limit.rates.packets, std::nullopt, false, env_.tick));
    entry.packets_cost = rate.cost;
    entry.packets_burst = rate.burst;
  }
  if (limit.rates.bytes) {
    TIDEGATE_ASSIGN(const auto rate, policy::to_gcra(*limit.rates.bytes, std::nullopt, true, env_.tick));
    entry.bytes_cost = rate.cost;
    entry.bytes_burst = rate.burst;
  }
  return entry;
}

Status DatapathSync::fold(Batch& batch) const {
  std::sort(batch.to_fold.begin(), batch.to_fold.end());
  batch.to_fold.erase(std::unique(batch.to_fold.begin(), batch.to_fold.end()), batch.to_fold.end());
  for (const Prefix& target : batch.to_fold) {
    if (!limits_.contains(target)) continue;  // removed after what covers it was changed
    TIDEGATE_ASSIGN(const auto entry, entry_of(target));
    batch.limits.push_back(entry);
  }
  return {};
}

// In order of target (`whole`), what covers a target is known before it.
Status DatapathSync::in_batches(const decisions::Effects& effects, bool whole,
                                const std::function<Status(const Batch&)>& use) {
  Batch batch;
  batch.whole = whole;
  if (whole) limits_.clear();
  Status status;
  const auto hand_over = [&]() -> Status {
    TIDEGATE_TRY(fold(batch));
    TIDEGATE_TRY(use(batch));
    batch.clear();
    return {};
  };
  TIDEGATE_TRY(effects([&](const decisions::Effect& effect) {
    if (!status) return;
    add(batch, effect);
    if (batch.size() >= kBatch) status = hand_over();
  }));
  if (!status) return status;
  return hand_over();
}

// Removals first: they make room.
Status DatapathSync::change(const Batch& batch) const {
  if (!batch.unblocked.empty()) TIDEGATE_TRY(env_.datapath.remove_blocks(batch.unblocked));
  if (!batch.unlimited.empty()) TIDEGATE_TRY(env_.datapath.remove_limits(batch.unlimited));
  if (!batch.blocks.empty()) TIDEGATE_TRY(env_.datapath.put_blocks(batch.blocks));
  if (!batch.limits.empty()) TIDEGATE_TRY(env_.datapath.put_limits(batch.limits));
  return {};
}

Status DatapathSync::targets(std::span<const Prefix> targets) {
  TIDEGATE_ASSIGN(const auto effects, env_.decisions.effects(targets));
  Batch batch;
  for (const auto& effect : effects) add(batch, effect);
  TIDEGATE_TRY(fold(batch));
  return change(batch);
}

Status DatapathSync::effects(const decisions::Effects& effects) {
  return in_batches(effects, false, [this](const Batch& batch) { return change(batch); });
}

Status DatapathSync::all() {
  offset_ = offset_of(env_.clock);
  const decisions::Effects everything = [this](const auto& visit) { return env_.decisions.each_effect(visit); };
  return env_.datapath.replace_entries([&](const auto& take) {
    return in_batches(everything, true,
                      [&](const Batch& batch) { return take({.blocks = batch.blocks, .limits = batch.limits}); });
  });
}

bool DatapathSync::clock_was_set() const {
  const auto moved = offset_of(env_.clock) - offset_;
  return moved > kClockStep || moved < -kClockStep;
}

}  // namespace tidegate::control
