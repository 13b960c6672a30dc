// SPDX-License-Identifier: Apache-2.0
// Blocked connections in the datapath: a hash map and its bit filter, whose width also says whether there are any.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "agent/kernel/datapath.hpp"
#include "agent/kernel/maps.hpp"
#include "agent/kernel/prefix_filter.hpp"

namespace tidegate::kernel {

// Thread-safe. `maps` and `control` outlive it.
class FlowBlocks {
 public:
  static Result<std::unique_ptr<FlowBlocks>> open(const MapSet& maps, const tg_identity& identity, tg_control& control,
                                                  std::function<void()> wait_for_readers);

  // Again: replaced. kResourceExhausted: the table is full of blocks in force; what fits before it is in.
  Status put(std::span<const FlowBlock> blocks, MonotonicTime now);
  void remove(std::span<const Connection> connections);
  // Drops what has expired, and fits the filter to what is left.
  void sweep(MonotonicTime now);
  // As they are in the map, expired ones included.
  std::vector<FlowBlock> all() const;

  std::uint64_t size() const;
  std::uint64_t capacity() const { return capacity_; }

 private:
  struct Hash {  // keyed: peers choose the flows
    const __u64* seed;
    std::size_t operator()(const tg_flow& flow) const;
  };
  struct Same {
    bool operator()(const tg_flow& a, const tg_flow& b) const;
  };
  FlowBlocks(int fd, std::uint64_t capacity, const tg_identity& identity, MappedArray<tg_filter_line> filter,
             tg_control& control, std::function<void()> wait_for_readers);
  void adopt();
  Status put_one(const FlowBlock& block, std::uint64_t now);
  void forget(const tg_flow& flow);
  void drop_expired(std::uint64_t now);
  PrefixFilter filter(std::size_t lines) const { return PrefixFilter(lines_.values().first(lines)); }
  void add_all(PrefixFilter filter) const;
  void widen();
  void fit();

  mutable std::mutex mutex_;
  const int fd_;
  const std::uint64_t capacity_;
  const tg_identity identity_;
  MappedArray<tg_filter_line> lines_;
  __u32& used_lines_;  // of the filter; 0: nothing is blocked
  const std::function<void()> wait_for_readers_;
  std::unordered_map<tg_flow, std::uint64_t, Hash, Same> known_;  // with their expiry
  std::uint64_t stale_ = 0;                                       // removed since the filter was built
};

}  // namespace tidegate::kernel
