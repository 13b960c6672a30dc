// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/blocks.hpp"

#include <fmt/format.h>

#include "agent/kernel/abi.hpp"

namespace tidegate::kernel {
namespace {

constexpr std::size_t kSweepBuckets = 16384;  // a call costs less than a millisecond

}  // namespace

Result<std::unique_ptr<Blocks>> Blocks::open(const MapSet& maps, const tg_identity& identity, tg_control& control,
                                             std::function<void()> wait_for_readers) {
  TIDEGATE_ASSIGN(auto buckets, maps.mapped<tg_block_bucket>("blocks"));
  TIDEGATE_ASSIGN(auto stash, maps.mapped<tg_block_stash>("block_stash"));
  TIDEGATE_ASSIGN(auto filter, maps.mapped<tg_filter_line>("block_filter"));
  return std::unique_ptr<Blocks>(new Blocks({std::move(buckets), std::move(stash), std::move(filter)}, identity,
                                            control, std::move(wait_for_readers)));
}

Blocks::Blocks(Memory memory, const tg_identity& identity, tg_control& control, std::function<void()> wait_for_readers)
    : wait_for_readers_(std::move(wait_for_readers)),
      memory_(std::move(memory)),
      lengths_(control.blocks, control.block_lengths, wait_for_readers_),
      table_({.buckets = memory_.buckets.values(),
              .stash = &memory_.stash[0],
              .stash_count = &control.stash_count,
              .filter = memory_.filter.values(),
              .filter_lines = &control.block_filter_lines},
             identity, lengths_.current()) {}

Status Blocks::put(std::span<const BlockEntry> entries, MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  return finish(table_.put_all(entries, to_abi(now)).second);
}

void Blocks::begin_replacement() {
  const std::lock_guard lock(mutex_);
  table_.begin_replacement();
}

std::uint64_t Blocks::put_what_fits(std::span<const BlockEntry> entries, MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  const auto waiting = table_.put_what_fits(entries, to_abi(now));
  lengths_.publish(table_.lengths());
  return waiting;
}

void Blocks::end_replacement() {
  const std::lock_guard lock(mutex_);
  table_.end_replacement();
  lengths_.publish(table_.lengths());
}

Status Blocks::finish(BlockTable::Outcome outcome) {
  lengths_.publish(table_.lengths());
  switch (outcome) {
    case BlockTable::Outcome::kStored:
      return {};
    case BlockTable::Outcome::kTooManyLengths:
      return fail(ErrorCode::kResourceExhausted,
                  fmt::format("blocks use more than {} prefix lengths of one family: use fewer distinct prefix lengths",
                              TG_PREFIX_LENGTHS));
    case BlockTable::Outcome::kTableFull:
      break;
  }
  return fail(ErrorCode::kResourceExhausted,
              fmt::format("table blocks is full at {} entries: raise tables.blocks in tidegate.yaml or remove blocks",
                          table_.capacity()));
}

// Lengths that fall out of use stay listed until the next sweep: alternating block and unblock waits for no reader.
void Blocks::remove(std::span<const Prefix> targets) {
  const std::lock_guard lock(mutex_);
  for (const auto& target : targets) table_.remove(target);
}

void Blocks::sweep(MonotonicTime now) {
  const std::lock_guard lock(mutex_);
  table_.sweep(to_abi(now), kSweepBuckets);
  table_.drain_stash(to_abi(now), wait_for_readers_);
  table_.fit_filter(wait_for_readers_);
  lengths_.publish(table_.lengths());
}

std::uint64_t Blocks::size() const {
  const std::lock_guard lock(mutex_);
  return table_.size();
}

std::uint64_t Blocks::capacity() const { return table_.capacity(); }

}  // namespace tidegate::kernel
