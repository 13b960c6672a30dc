// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tcp/flow_map.hpp"

#include <algorithm>
#include <bit>

namespace tidegate::inspect {
namespace {

constexpr std::size_t kSlab = 256;

}  // namespace

FlowMap::FlowMap(std::size_t capacity) : buckets_(std::bit_ceil(std::max<std::size_t>(capacity, 16))) {}

Entry* FlowMap::find(const FlowKey& key, std::uint64_t hash) const {
  Entry* entry = buckets_[hash & (buckets_.size() - 1)];
  while (entry != nullptr && entry->key != key) entry = entry->chain;
  return entry;
}

Entry& FlowMap::insert(const FlowKey& key, std::uint64_t hash, EntryKind kind, WallTime time) {
  Entry& entry = take_free();
  entry.key = key;
  entry.kind = kind;
  entry.seen = time;
  entry.chain = bucket(hash);
  bucket(hash) = &entry;
  link(entry);
  return entry;
}

Entry& FlowMap::take_free() {
  if (free_ == nullptr) {
    auto& slab = slabs_.emplace_back(std::make_unique<Entry[]>(kSlab));
    for (std::size_t i = 0; i < kSlab; ++i) {
      slab[i].chain = free_;
      free_ = &slab[i];
    }
  }
  Entry& entry = *free_;
  free_ = entry.chain;
  return entry;
}

void FlowMap::erase(Entry& entry) {
  Entry** at = &bucket(hash_(entry.key));
  while (*at != &entry) at = &(*at)->chain;
  *at = entry.chain;
  unlink(entry);
  entry = Entry{};
  entry.chain = free_;
  free_ = &entry;
}

void FlowMap::move(Entry& entry, EntryKind kind, WallTime time) {
  unlink(entry);
  entry.kind = kind;
  entry.seen = std::max(entry.seen, time);
  link(entry);
}

void FlowMap::link(Entry& entry) {
  List& list = lists_[static_cast<std::size_t>(entry.kind)];
  entry.older = list.newest;
  entry.newer = nullptr;
  (list.newest == nullptr ? list.oldest : list.newest->newer) = &entry;
  list.newest = &entry;
  ++list.count;
}

void FlowMap::unlink(Entry& entry) {
  List& list = lists_[static_cast<std::size_t>(entry.kind)];
  (entry.older == nullptr ? list.oldest : entry.older->newer) = entry.newer;
  (entry.newer == nullptr ? list.newest : entry.newer->older) = entry.older;
  --list.count;
}

}  // namespace tidegate::inspect
