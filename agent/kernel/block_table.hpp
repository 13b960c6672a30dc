// SPDX-License-Identifier: Apache-2.0
// The table of dynamic blocks (bpf/abi/state.h): 8-way buckets, two choices per key, a small stash, a bit filter.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/kernel/datapath.hpp"
#include "agent/kernel/prefix_filter.hpp"
#include "agent/kernel/prefix_lengths.hpp"
#include "bpf/abi/state.h"

namespace tidegate::kernel {

// Works on memory that the datapath reads at the same time; any writable memory does for a test.
// At no moment is a present key out of the datapath's sight: a key moves only from its first to its second bucket,
// copied before it is cleared, which is the order in which they are searched. One writer at a time; not thread-safe.
class BlockTable {
 public:
  struct Memory {
    std::span<tg_block_bucket> buckets;
    tg_block_stash* stash;
    std::uint32_t* stash_count;  // tg_control.stash_count
    std::span<tg_filter_line> filter;
    std::uint32_t* filter_lines = nullptr;  // tg_control.block_filter_lines; none: the whole filter is always in use
  };
  using Entry = BlockEntry;
  enum class Outcome { kStored, kTableFull, kTooManyLengths };

  // Counts what the memory holds already. `listed`: the lengths published now.
  BlockTable(const Memory& memory, const tg_identity& identity, const tg_lengths& listed);

  // Buckets for `entries`: at most 80 % of the slots are ever used, so that every key finds a place.
  static std::uint32_t buckets_for(std::uint64_t entries);
  static std::uint32_t filter_lines_for(std::uint64_t entries);

  // Adds, or changes the expiry of what is there. Slots whose entries expired before `now` are reused.
  Outcome put(const Entry& entry, std::uint64_t now);
  // As put for each, but overlaps the cache misses. Returns how many went in before the first that did not.
  std::pair<std::size_t, Outcome> put_all(std::span<const Entry> entries, std::uint64_t now);
  // As put_all, but goes on after what finds no room. Returns how many those were.
  std::uint64_t put_what_fits(std::span<const Entry> entries, std::uint64_t now);
  bool remove(const Prefix& target);
  // Between these two everything is put that shall stay; the end drops what was not. Without an end nothing is dropped.
  void begin_replacement();
  void end_replacement();

  // Frees expired slots in the next `most` buckets, round and round, and renews the filter when enough is stale.
  void sweep(std::uint64_t now, std::size_t most);

  // The expiry of exactly this target, when it is in the table.
  std::optional<std::uint64_t> find(const Prefix& target) const;
  bool stash_in_use() const { return *memory_.stash_count != 0; }
  // Lets the datapath use fewer lines of the filter again when far fewer entries are left; puts use more by themselves.
  // Waits for readers only after a change.
  void fit_filter(const std::function<void()>& wait_for_readers);
  // Moves stash entries into buckets that have room by now. `wait_for_readers` is called between copying and clearing,
  // and only if there was something to move.
  void drain_stash(std::uint64_t now, const std::function<void()>& wait_for_readers);

  std::uint64_t size() const { return size_; }
  std::uint64_t capacity() const { return capacity_; }
  tg_lengths lengths() const { return lengths_.listed(); }

 private:
  using Index = std::size_t;  // bucket * TG_BLOCK_WAYS + way; the stash comes last
  struct Shadow {             // what the ABI does not hold about a slot
    std::uint8_t length = 0;
    bool kept = false;  // put since begin_replacement()
  };
  struct Hashed {
    std::uint64_t key;
    std::uint64_t hash;
    std::uint32_t bucket[2];
  };

  Hashed hashed(std::uint64_t key) const;
  Hashed hashed(const Prefix& target) const;
  void prefetch(const Hashed& at) const;
  __u64& key_at(Index index) const;
  __u64& expires_at(Index index) const;
  std::optional<Index> locate(const Hashed& at) const;
  Outcome put_at(const Hashed& at, const Entry& entry, std::uint64_t now);
  std::optional<Index> make_room(const Hashed& at, std::uint64_t now);
  std::optional<Index> free_in(std::uint32_t bucket, std::uint64_t now);
  std::optional<Index> free_in_stash(std::uint64_t now);
  std::optional<Index> relocate_from(std::uint32_t bucket, std::uint64_t now);
  void write(Index index, const Hashed& at, const Entry& entry);
  void clear(Index index);
  void copy(Index from, Index to);
  void note_expiry(std::uint64_t expires);
  bool reclaim(Index index, std::uint64_t now);
  void reclaim_all(std::uint64_t now);
  void sweep_bucket(std::uint64_t now);
  void sweep_slot(Index index, std::uint64_t now);
  void count_stash();
  void rebuild_filter_if_stale();
  void rebuild_filter();
  void start_filter();
  void widen_filter();
  void use_filter_lines(std::size_t lines);
  void each_hash(const std::function<void(std::uint64_t)>& visit) const;
  Index stash_begin() const { return memory_.buckets.size() * TG_BLOCK_WAYS; }

  Memory memory_;
  tg_identity identity_;
  PrefixFilter filter_;
  LengthCounts lengths_;
  std::vector<Shadow> shadow_;
  std::uint64_t capacity_;
  std::uint64_t size_ = 0;
  bool widened_ = false;                        // a reader may still look for the bits of a narrower filter
  std::uint64_t stale_ = 0;                     // entries removed since the filter was built
  std::uint64_t earliest_expiry_ = TG_NEVER;    // nothing expires before
  std::uint64_t earliest_in_round_ = TG_NEVER;  // the same, of what this round of sweep() met or was put since
  std::size_t sweep_at_ = 0;
};

}  // namespace tidegate::kernel
