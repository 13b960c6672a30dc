// SPDX-License-Identifier: Apache-2.0
// Dynamic blocks in the datapath: the block table over its pinned maps, and the list of prefix lengths.
#pragma once

#include <memory>
#include <mutex>

#include "agent/kernel/block_table.hpp"
#include "agent/kernel/maps.hpp"
#include "agent/kernel/prefix_lengths.hpp"

namespace tidegate::kernel {

// Thread-safe. `control` outlives it.
class Blocks {
 public:
  static Result<std::unique_ptr<Blocks>> open(const MapSet& maps, const tg_identity& identity, tg_control& control,
                                              std::function<void()> wait_for_readers);

  Status put(std::span<const BlockEntry> entries, MonotonicTime now);
  void remove(std::span<const Prefix> targets);
  // From begin to end of a replacement everything is put that shall stay; its end drops the rest. Without an end,
  // nothing is dropped.
  void begin_replacement();
  std::uint64_t put_what_fits(std::span<const BlockEntry> entries, MonotonicTime now);
  void end_replacement();
  void sweep(MonotonicTime now);

  std::uint64_t size() const;
  std::uint64_t capacity() const;

 private:
  struct Memory {
    MappedArray<tg_block_bucket> buckets;
    MappedArray<tg_block_stash> stash;
    MappedArray<tg_filter_line> filter;
  };
  Blocks(Memory memory, const tg_identity& identity, tg_control& control, std::function<void()> wait_for_readers);
  Status finish(BlockTable::Outcome outcome);

  mutable std::mutex mutex_;
  std::function<void()> wait_for_readers_;
  Memory memory_;
  LengthPublisher lengths_;
  BlockTable table_;
};

}  // namespace tidegate::kernel
