// SPDX-License-Identifier: Apache-2.0
// A datapath in memory: what was put in can be looked at, and each kind of call can be made to fail.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "agent/kernel/datapath.hpp"
#include "agent/policy/compile.hpp"
#include "bpf/abi/limits.h"
#include "bpf/abi/reasons.h"

namespace tidegate::testing {

// Thread-safe like the real one: every call takes the one mutex. The public fields are for the test's own thread
// while no other one calls.
class FakeDatapath final : public kernel::Datapath {
 public:
  // --- What the test arranges.
  std::set<std::string> existing = {"eth0", "eth1"};  // interfaces that can be attached to
  std::set<std::string> no_native, no_generic;        // of which the attempt to attach in that mode loses the link
  std::size_t block_capacity = 1'000'000;
  std::size_t flow_capacity = 65536;
  int fail_applies = 0;                     // so many apply() calls fail from now on
  int fail_removals = 0;                    // likewise remove_blocks()
  std::function<void()> before_put_blocks;  // runs in put_blocks(), without the mutex
  std::vector<kernel::Feature> feature_list;
  std::vector<kernel::TableFill> extra_tables;
  kernel::Counters counter_values;
  std::vector<kernel::BucketState> bucket_list;
  std::set<Address> proven;
  std::deque<tg_event> ring;

  // --- What the test looks at.
  std::map<Prefix, kernel::BlockEntry> blocks;
  std::map<Prefix, kernel::LimitEntry> limits;
  std::map<kernel::Connection, kernel::FlowBlock> flows;
  std::map<std::string, kernel::AttachState> attached;
  std::vector<std::uint32_t> generations;  // of every apply() that succeeded
  std::vector<tg_source_entry> sources;    // of the image in force
  unsigned service_count = 0;
  std::uint32_t flags = 0;       // of the host in force
  std::size_t largest_part = 0;  // most entries that replace_entries() was handed at a time
  int replacements = 0;          // calls of it
  int rotations = 0;
  int sweeps = 0;

  bool adopted() const override { return false; }
  std::uint32_t active_generation() const override {
    const std::lock_guard lock(mutex_);
    return generations.empty() ? 0 : generations.back();
  }
  const std::vector<kernel::Feature>& features() const override { return feature_list; }

  Status apply(const policy::Image& image, const std::map<std::string, unsigned>& slots,
               std::uint32_t generation) override {
    const std::lock_guard lock(mutex_);
    if (fail_applies > 0) {
      --fail_applies;
      return fail(ErrorCode::kInternal, "datapath: cannot write the image");
    }
    generations.push_back(generation);
    slots_ = slots;
    service_count = static_cast<unsigned>(slots.size());
    sources = image.entries;
    flags = image.host.flags;
    return {};
  }
  std::map<std::string, unsigned> slots() const override {
    const std::lock_guard lock(mutex_);
    return slots_;
  }

  Result<kernel::AttachState> attach(const policy::Interface& interface) override {
    const std::lock_guard lock(mutex_);
    if (!existing.contains(interface.name)) {
      return fail(ErrorCode::kNotFound, "interface " + interface.name + " does not exist; name another one");
    }
    const bool generic = interface.mode == policy::AttachMode::kGeneric;
    if ((generic ? no_generic : no_native).contains(interface.name)) {
      attached.erase(interface.name);
      return fail(ErrorCode::kUnsupported, "interface " + interface.name + " has no such mode; set the other");
    }
    kernel::AttachState state{interface.name, index_of(interface.name), "native", true, ""};
    if (generic) state.mode = "generic";
    attached[interface.name] = state;
    return state;
  }
  Status detach(const std::string& interface) override {
    const std::lock_guard lock(mutex_);
    attached.erase(interface);
    return {};
  }
  std::vector<kernel::AttachState> attachments() const override {
    const std::lock_guard lock(mutex_);
    std::vector<kernel::AttachState> states;
    for (const auto& [name, state] : attached) states.push_back(state);
    return states;
  }
  std::vector<kernel::AttachState> verify_attachments() override {
    const std::lock_guard lock(mutex_);
    std::vector<kernel::AttachState> changed;
    for (auto& [name, state] : attached) {
      if (existing.contains(name) == state.attached) continue;
      state.attached = existing.contains(name);
      state.problem = state.attached ? "" : "interface " + name + " is gone";
      changed.push_back(state);
      if (state.attached) changed.back().problem = "interface " + name + " was away; it is attached again";
    }
    return changed;
  }

  Status put_blocks(std::span<const kernel::BlockEntry> entries) override {
    if (before_put_blocks) before_put_blocks();
    const std::lock_guard lock(mutex_);
    for (const auto& entry : entries) {
      if (!blocks.contains(entry.target) && blocks.size() >= block_capacity) {
        return fail(ErrorCode::kResourceExhausted, "table blocks is full; raise tables.blocks");
      }
      blocks[entry.target] = entry;
    }
    return {};
  }
  Status remove_blocks(std::span<const Prefix> targets) override {
    const std::lock_guard lock(mutex_);
    if (fail_removals > 0) {
      --fail_removals;
      return fail(ErrorCode::kInternal, "datapath: cannot remove blocks");
    }
    for (const auto& target : targets) blocks.erase(target);
    return {};
  }
  Status put_limits(std::span<const kernel::LimitEntry> entries) override {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : entries) limits[entry.target] = entry;
    return {};
  }
  Status remove_limits(std::span<const Prefix> targets) override {
    const std::lock_guard lock(mutex_);
    for (const auto& target : targets) limits.erase(target);
    return {};
  }
  Status put_flow_blocks(std::span<const kernel::FlowBlock> entries) override {
    const std::lock_guard lock(mutex_);
    for (const auto& block : entries) {
      if (!flows.contains(block.connection) && flows.size() >= flow_capacity) {
        return fail(ErrorCode::kResourceExhausted, "table flow_blocks is full; delete decisions of rules");
      }
      flows[block.connection] = block;
    }
    return {};
  }
  Status remove_flow_blocks(std::span<const kernel::Connection> connections) override {
    const std::lock_guard lock(mutex_);
    for (const auto& connection : connections) flows.erase(connection);
    return {};
  }
  std::vector<kernel::FlowBlock> flow_blocks() const override {
    const std::lock_guard lock(mutex_);
    std::vector<kernel::FlowBlock> all;
    for (const auto& [connection, block] : flows) all.push_back(block);
    return all;
  }
  // Room for both the old and the new is not asked for: see kernel_tables_test.cpp for that.
  Status replace_entries(const kernel::EntryStream& stream) override {
    std::map<Prefix, kernel::BlockEntry> new_blocks;
    std::map<Prefix, kernel::LimitEntry> new_limits;
    std::size_t largest = 0;
    TIDEGATE_TRY(stream([&](const kernel::Entries& part) -> Status {
      largest = std::max(largest, part.blocks.size() + part.limits.size());
      for (const auto& entry : part.blocks) new_blocks[entry.target] = entry;
      for (const auto& entry : part.limits) new_limits[entry.target] = entry;
      return {};
    }));
    const std::lock_guard lock(mutex_);
    largest_part = std::max(largest_part, largest);
    ++replacements;
    const bool full = new_blocks.size() > block_capacity;
    while (new_blocks.size() > block_capacity) new_blocks.erase(std::prev(new_blocks.end()));
    blocks = std::move(new_blocks);
    limits = std::move(new_limits);
    if (full) return fail(ErrorCode::kResourceExhausted, "table blocks is full; raise tables.blocks");
    return {};
  }

  kernel::Counters counters() const override {
    const std::lock_guard lock(mutex_);
    return counter_values;
  }
  std::vector<kernel::TableFill> tables() const override {
    const std::lock_guard lock(mutex_);
    std::vector<kernel::TableFill> fills = {{"blocks", blocks.size(), block_capacity, 16 * block_capacity}};
    fills.insert(fills.end(), extra_tables.begin(), extra_tables.end());
    return fills;
  }
  std::vector<kernel::BucketState> buckets_of(Address) const override { return bucket_list; }
  bool is_proven(Address source) const override { return proven.contains(source); }

  Result<std::size_t> poll_events(const std::function<void(const tg_event&)>& sink) override {
    const std::size_t count = ring.size();
    for (const auto& event : ring) sink(event);
    ring.clear();
    return count;
  }
  void rotate_proven() override { ++rotations; }
  void sweep() override { ++sweeps; }

  static unsigned index_of(const std::string& interface) {
    return interface.empty() ? 0 : 2 + static_cast<unsigned>(interface.back() - '0');
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, unsigned> slots_;
};

// Counters with room for every service and reason.
inline kernel::Counters empty_counters() {
  kernel::Counters counters;
  counters.by_service_reason.resize(TG_SERVICES * TG_REASON_SLOTS);
  counters.faults.resize(TG_FAULT_SLOTS);
  return counters;
}

}  // namespace tidegate::testing
