// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/block_table.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "agent/kernel/abi.hpp"
#include "agent/kernel/shared_word.hpp"

namespace tidegate::kernel {
namespace {

constexpr std::uint64_t kLoadPercent = 80;
constexpr std::uint64_t kMinimumBuckets = 64;
constexpr std::uint64_t kFilterBitsPerEntry = 16;  // 1.4 % false positives when the table is full
constexpr std::size_t kPipeline = 16;              // entries whose cache lines are on their way together

std::uint8_t length_of_key(std::uint64_t key) {
  const bool is_v4 = (key >> 63) != 0;
  return is_v4 ? static_cast<std::uint8_t>(key >> 32 & 0xff) : LengthCounts::kUnknown;
}

bool is_v4_key(std::uint64_t key) { return (key >> 63) != 0; }

}  // namespace

std::uint32_t BlockTable::buckets_for(std::uint64_t entries) {
  const std::uint64_t slots = (entries * 100 + kLoadPercent - 1) / kLoadPercent;
  return static_cast<std::uint32_t>(std::max(kMinimumBuckets, (slots + TG_BLOCK_WAYS - 1) / TG_BLOCK_WAYS));
}

std::uint32_t BlockTable::filter_lines_for(std::uint64_t entries) {
  const std::uint64_t bits = std::max<std::uint64_t>(entries * kFilterBitsPerEntry, 64 * sizeof(tg_filter_line) * 8);
  return static_cast<std::uint32_t>(std::bit_ceil(bits / (sizeof(tg_filter_line) * 8)));
}

BlockTable::BlockTable(const Memory& memory, const tg_identity& identity, const tg_lengths& listed)
    : memory_(memory),
      identity_(identity),
      filter_(memory.filter),
      shadow_(memory.buckets.size() * TG_BLOCK_WAYS + TG_BLOCK_STASH),
      capacity_(memory.buckets.size() * TG_BLOCK_WAYS * kLoadPercent / 100) {
  lengths_.adopt(listed);
  for (Index index = 0; index < shadow_.size(); ++index) {
    const std::uint64_t key = key_at(index);
    if (key == 0) continue;
    shadow_[index].length = length_of_key(key);
    lengths_.add(is_v4_key(key), shadow_[index].length);
    note_expiry(expires_at(index));
    ++size_;
  }
  start_filter();
  stale_ = size_;  // how stale an adopted filter is, nobody knows: the first sweep renews it
}

BlockTable::Hashed BlockTable::hashed(std::uint64_t key) const {
  const std::uint64_t hash = tg_prefix_hash(identity_.seed, key);
  const auto buckets = static_cast<std::uint32_t>(memory_.buckets.size());
  return {key, hash, {tg_bucket_of(hash, 0, buckets), tg_bucket_of(hash, 1, buckets)}};
}

BlockTable::Hashed BlockTable::hashed(const Prefix& target) const { return hashed(prefix_key(identity_, target)); }

void BlockTable::prefetch(const Hashed& at) const {
  filter_.prefetch(at.hash);
  for (const auto bucket : at.bucket) {
    __builtin_prefetch(memory_.buckets[bucket].key, 1);
    __builtin_prefetch(memory_.buckets[bucket].expires, 1);
  }
}

__u64& BlockTable::key_at(Index index) const {
  if (index >= stash_begin()) return memory_.stash->key[index - stash_begin()];
  return memory_.buckets[index / TG_BLOCK_WAYS].key[index % TG_BLOCK_WAYS];
}

__u64& BlockTable::expires_at(Index index) const {
  if (index >= stash_begin()) return memory_.stash->expires[index - stash_begin()];
  return memory_.buckets[index / TG_BLOCK_WAYS].expires[index % TG_BLOCK_WAYS];
}

std::optional<BlockTable::Index> BlockTable::locate(const Hashed& at) const {
  for (const auto bucket : at.bucket) {
    for (unsigned way = 0; way < TG_BLOCK_WAYS; ++way) {
      if (memory_.buckets[bucket].key[way] == at.key) return Index{bucket} * TG_BLOCK_WAYS + way;
    }
  }
  if (*memory_.stash_count == 0) return std::nullopt;
  for (unsigned i = 0; i < TG_BLOCK_STASH; ++i) {
    if (memory_.stash->key[i] == at.key) return stash_begin() + i;
  }
  return std::nullopt;
}

BlockTable::Outcome BlockTable::put(const Entry& entry, std::uint64_t now) {
  return put_at(hashed(entry.target), entry, now);
}

BlockTable::Outcome BlockTable::put_at(const Hashed& at, const Entry& entry, std::uint64_t now) {
  if (const auto present = locate(at)) {
    auto& length = shadow_[*present].length;
    if (length != entry.target.length) {  // adopted, and now its length is known
      lengths_.remove(entry.target.is_v4(), length);
      lengths_.add(entry.target.is_v4(), entry.target.length);
      length = entry.target.length;
    }
    shadow_[*present].kept = true;
    store<__u64>(expires_at(*present), to_abi(entry.expires));
    note_expiry(to_abi(entry.expires));
    return Outcome::kStored;
  }
  if (!lengths_.has_room_for(entry.target.is_v4(), entry.target.length)) return Outcome::kTooManyLengths;
  if (size_ >= capacity_) reclaim_all(now);
  if (size_ >= capacity_) return Outcome::kTableFull;
  const auto index = make_room(at, now);
  if (!index) return Outcome::kTableFull;
  widen_filter();
  filter_.add(at.hash);
  write(*index, at, entry);
  return Outcome::kStored;
}

std::pair<std::size_t, BlockTable::Outcome> BlockTable::put_all(std::span<const Entry> entries, std::uint64_t now) {
  std::array<Hashed, kPipeline> places;
  for (std::size_t done = 0; done < entries.size(); done += kPipeline) {
    const auto batch = entries.subspan(done, std::min(kPipeline, entries.size() - done));
    for (std::size_t i = 0; i < batch.size(); ++i) {
      places[i] = hashed(batch[i].target);
      prefetch(places[i]);
    }
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Outcome outcome = put_at(places[i], batch[i], now);
      if (outcome != Outcome::kStored) return {done + i, outcome};
    }
  }
  return {entries.size(), Outcome::kStored};
}

std::optional<BlockTable::Index> BlockTable::make_room(const Hashed& at, std::uint64_t now) {
  for (const auto bucket : at.bucket) {
    if (const auto index = free_in(bucket, now)) return index;
  }
  for (const auto bucket : at.bucket) {
    if (const auto index = relocate_from(bucket, now)) return index;
  }
  return free_in_stash(now);
}

std::optional<BlockTable::Index> BlockTable::free_in(std::uint32_t bucket, std::uint64_t now) {
  const Index first = Index{bucket} * TG_BLOCK_WAYS;
  for (Index index = first; index < first + TG_BLOCK_WAYS; ++index) {
    if (key_at(index) == 0 || reclaim(index, now)) return index;
  }
  return std::nullopt;
}

std::optional<BlockTable::Index> BlockTable::free_in_stash(std::uint64_t now) {
  for (Index index = stash_begin(); index < shadow_.size(); ++index) {
    if (key_at(index) == 0 || reclaim(index, now)) return index;
  }
  return std::nullopt;
}

// Moves one entry of a full bucket, of which this is the first choice, to its second. The other way round a reader
// between its two probes could miss it.
std::optional<BlockTable::Index> BlockTable::relocate_from(std::uint32_t bucket, std::uint64_t now) {
  const Index first = Index{bucket} * TG_BLOCK_WAYS;
  for (Index index = first; index < first + TG_BLOCK_WAYS; ++index) {
    const Hashed at = hashed(key_at(index));
    if (at.bucket[0] != bucket || at.bucket[1] == bucket) continue;
    const auto target = free_in(at.bucket[1], now);
    if (!target) continue;
    copy(index, *target);
    store<__u64>(key_at(index), 0);
    return index;
  }
  return std::nullopt;
}

void BlockTable::write(Index index, const Hashed& at, const Entry& entry) {
  store<__u64>(expires_at(index), to_abi(entry.expires));
  store<__u64>(key_at(index), at.key);
  shadow_[index] = {.length = entry.target.length, .kept = true};
  lengths_.add(entry.target.is_v4(), entry.target.length);
  note_expiry(to_abi(entry.expires));
  ++size_;
  if (index >= stash_begin()) count_stash();
}

void BlockTable::copy(Index from, Index to) {
  store(expires_at(to), expires_at(from));
  store(key_at(to), key_at(from));
  shadow_[to] = shadow_[from];
  note_expiry(expires_at(to));
}

void BlockTable::note_expiry(std::uint64_t expires) {
  earliest_expiry_ = std::min(earliest_expiry_, expires);
  earliest_in_round_ = std::min(earliest_in_round_, expires);
}

void BlockTable::clear(Index index) {
  lengths_.remove(is_v4_key(key_at(index)), shadow_[index].length);
  store<__u64>(key_at(index), 0);
  store<__u64>(expires_at(index), 0);
  --size_;
  ++stale_;
  if (index >= stash_begin()) count_stash();
}

bool BlockTable::remove(const Prefix& target) {
  const auto index = locate(hashed(target));
  if (!index) return false;
  clear(*index);
  rebuild_filter_if_stale();
  return true;
}

std::optional<std::uint64_t> BlockTable::find(const Prefix& target) const {
  const auto index = locate(hashed(target));
  if (!index) return std::nullopt;
  return expires_at(*index);
}

}  // namespace tidegate::kernel
