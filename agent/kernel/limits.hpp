// SPDX-License-Identifier: Apache-2.0
// Limit decisions in the datapath: a hash map, its bit filter, and the list of prefix lengths.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

#include "agent/kernel/datapath.hpp"
#include "agent/kernel/maps.hpp"
#include "agent/kernel/prefix_filter.hpp"
#include "agent/kernel/prefix_lengths.hpp"

namespace tidegate::kernel {

// Thread-safe. `maps` and `control` outlive it.
class Limits {
 public:
  static Result<std::unique_ptr<Limits>> open(const MapSet& maps, const tg_identity& identity, tg_control& control,
                                              std::function<void()> wait_for_readers);

  Status put(std::span<const LimitEntry> entries, MonotonicTime now);
  void remove(std::span<const Prefix> targets);
  // A replacement of everything: as in Blocks. An error is none of room.
  void begin_replacement();
  Result<std::uint64_t> put_what_fits(std::span<const LimitEntry> entries, MonotonicTime now);
  void end_replacement();
  void sweep(MonotonicTime now);

  std::uint64_t size() const;
  std::uint64_t capacity() const { return capacity_; }

 private:
  using Key = std::uint64_t;
  struct Known {  // what the agent has to remember about an entry, 16 bytes
    std::uint64_t expires;
    std::uint8_t length;
    bool is_v4;
    bool kept;  // put since begin_replacement()
  };
  Limits(int fd, std::uint64_t capacity, const tg_identity& identity, MappedArray<tg_filter_line> filter,
         tg_control& control, std::function<void()> wait_for_readers);
  void adopt();
  Status put_one(const LimitEntry& entry, std::uint64_t now);
  void forget(Key key);
  void sweep_locked(std::uint64_t now);
  void rebuild_filter();

  mutable std::mutex mutex_;
  int fd_;
  std::uint64_t capacity_;
  tg_identity identity_;
  MappedArray<tg_filter_line> lines_;
  PrefixFilter filter_;
  LengthPublisher publisher_;
  LengthCounts lengths_;
  std::unordered_map<Key, Known> known_;
  std::uint64_t stale_ = 0;  // entries removed since the filter was built
};

}  // namespace tidegate::kernel
