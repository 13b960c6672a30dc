// SPDX-License-Identifier: Apache-2.0
// Replacing the whole content, expiry and the stash of the block table.
#include <algorithm>

#include "agent/kernel/abi.hpp"
#include "agent/kernel/block_table.hpp"
#include "agent/kernel/shared_word.hpp"

namespace tidegate::kernel {
void BlockTable::begin_replacement() {
  for (Shadow& slot : shadow_) slot.kept = false;
}

std::uint64_t BlockTable::put_what_fits(std::span<const Entry> entries, std::uint64_t now) {
  std::uint64_t left_out = 0;
  for (;; ++left_out) {
    const auto [done, outcome] = put_all(entries, now);
    if (outcome == Outcome::kStored) return left_out;
    entries = entries.subspan(done + 1);
  }
}

void BlockTable::end_replacement() {
  for (Index index = 0; index < shadow_.size(); ++index) {
    if (key_at(index) != 0 && !shadow_[index].kept) clear(index);
  }
  rebuild_filter();
}

// Frees the slot if its entry has expired.
bool BlockTable::reclaim(Index index, std::uint64_t now) {
  if (earliest_expiry_ > now || key_at(index) == 0 || expires_at(index) > now) return false;
  clear(index);
  return true;
}

void BlockTable::reclaim_all(std::uint64_t now) {
  if (earliest_expiry_ > now) return;
  sweep_at_ = 0;
  earliest_in_round_ = TG_NEVER;
  sweep(now, memory_.buckets.size());
}

void BlockTable::sweep(std::uint64_t now, std::size_t most) {
  if (earliest_expiry_ <= now) {
    for (std::size_t i = 0; i < std::min(most, memory_.buckets.size()); ++i) sweep_bucket(now);
  }
  rebuild_filter_if_stale();
}

void BlockTable::sweep_bucket(std::uint64_t now) {
  const Index first = sweep_at_ * TG_BLOCK_WAYS;
  for (Index index = first; index < first + TG_BLOCK_WAYS; ++index) sweep_slot(index, now);
  if (++sweep_at_ < memory_.buckets.size()) return;
  for (Index index = stash_begin(); index < shadow_.size(); ++index) sweep_slot(index, now);
  sweep_at_ = 0;
  earliest_expiry_ = std::exchange(earliest_in_round_, TG_NEVER);
}

void BlockTable::sweep_slot(Index index, std::uint64_t now) {
  if (!reclaim(index, now) && key_at(index) != 0) note_expiry(expires_at(index));
}

void BlockTable::count_stash() {
  const auto used = std::ranges::count_if(memory_.stash->key, [](__u64 key) { return key != 0; });
  store(*memory_.stash_count, static_cast<std::uint32_t>(used));
}

void BlockTable::drain_stash(std::uint64_t now, const std::function<void()>& wait_for_readers) {
  if (!stash_in_use()) return;
  std::vector<Index> moved;
  for (Index index = stash_begin(); index < shadow_.size(); ++index) {
    if (key_at(index) == 0 || reclaim(index, now)) continue;
    const Hashed at = hashed(key_at(index));
    auto target = free_in(at.bucket[0], now);
    if (!target) target = free_in(at.bucket[1], now);
    if (!target) continue;
    copy(index, *target);
    moved.push_back(index);
  }
  if (moved.empty()) return;
  wait_for_readers();  // one that searched the bucket before the copy was there still needs the stash
  for (const Index index : moved) store<__u64>(key_at(index), 0);
  count_stash();
}

}  // namespace tidegate::kernel
