// SPDX-License-Identifier: Apache-2.0
#include "agent/telemetry/sources.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace tidegate::telemetry {
namespace {

// Beyond this many decay times the forward weights are brought back, long before they overflow a double.
constexpr double kMostGrowth = 100;
constexpr double kSilent = 0.05;  // packets per second

double decays(MonotonicTime span) {
  return std::chrono::duration<double>(span) / std::chrono::duration<double>(SourceTable::kDecay);
}

// The finaliser of MurmurHash3 (Appleby, public domain).
std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ x >> 33;
}

}  // namespace

std::size_t SourceTable::KeyHash::operator()(const Key& key) const {
  return mix(mix(key.source.address.hi ^ key.service ^ seed) ^ key.source.address.lo ^ seed);
}

void SourceTable::Vote::add(unsigned candidate, double by) {
  if (candidate == reason) {
    weight += by;
  } else if (weight >= by) {
    weight -= by;
  } else {
    reason = candidate;
    weight = by - weight;
  }
}

SourceTable::SourceTable(std::uint64_t seed, std::size_t capacity)
    : capacity_(capacity), index_(capacity, KeyHash{mix(seed)}) {}

double SourceTable::growth(MonotonicTime now) const { return std::exp(decays(now - landmark_)); }

void SourceTable::renormalise(MonotonicTime now) {
  if (decays(now - landmark_) < kMostGrowth && landmark_ != MonotonicTime::zero()) return;
  const double factor = entries_.empty() ? 1 : std::exp(-decays(now - landmark_));
  for (Entry& entry : entries_) {
    entry.rank *= factor;
    entry.passed *= factor;
    entry.passed_bytes *= factor;
    entry.dropped *= factor;
    entry.dropped_bytes *= factor;
    entry.would_drop *= factor;
    entry.would_reason.scale(factor);
    entry.passed_reason.scale(factor);
    entry.dropped_reason.scale(factor);
  }
  landmark_ = now;
}

void SourceTable::add(const Sample& sample, MonotonicTime now) {
  renormalise(now);
  const double factor = growth(now);
  Entry& entry = entries_[place(Key{sample.source, sample.service})];
  count(entry, sample, factor);
  sink(entry.heap_at);
}

std::size_t SourceTable::place(const Key& key) {
  if (const auto found = index_.find(key); found != index_.end()) return found->second;
  std::size_t at;
  if (entries_.size() < capacity_) {
    at = entries_.size();
    entries_.push_back(Entry{.key = key, .heap_at = heap_.size()});
    heap_.push_back(at);
    rise(heap_.size() - 1);
  } else {
    at = heap_.front();
    index_.erase(entries_[at].key);
    const double rank = entries_[at].rank;
    entries_[at] = Entry{.key = key, .heap_at = 0, .rank = rank};
  }
  index_.emplace(key, at);
  return at;
}

void SourceTable::count(Entry& entry, const Sample& sample, double factor) {
  const double packets = factor * static_cast<double>(sample.packets);
  const double bytes = factor * static_cast<double>(sample.bytes);
  entry.rank += packets;
  if (sample.dropped) {
    entry.dropped += packets;
    entry.dropped_bytes += bytes;
    entry.dropped_total += sample.packets;
    entry.dropped_bytes_total += sample.bytes;
    entry.dropped_reason.add(sample.reason, packets);
  } else {
    entry.passed += packets;
    entry.passed_bytes += bytes;
    entry.passed_total += sample.packets;
    entry.passed_bytes_total += sample.bytes;
    entry.passed_reason.add(sample.reason, packets);
    if (sample.would_drop) {
      entry.would_drop += packets;
      entry.would_reason.add(sample.reason, packets);
    }
  }
}

void SourceTable::swap_heap(std::size_t a, std::size_t b) {
  std::swap(heap_[a], heap_[b]);
  entries_[heap_[a]].heap_at = a;
  entries_[heap_[b]].heap_at = b;
}

void SourceTable::rise(std::size_t at) {
  while (at > 0) {
    const std::size_t parent = (at - 1) / 2;
    if (entries_[heap_[parent]].rank <= entries_[heap_[at]].rank) return;
    swap_heap(parent, at);
    at = parent;
  }
}

void SourceTable::sink(std::size_t at) {
  for (;;) {
    std::size_t least = at;
    for (const std::size_t child : {2 * at + 1, 2 * at + 2}) {
      if (child < heap_.size() && entries_[heap_[child]].rank < entries_[heap_[least]].rank) least = child;
    }
    if (least == at) return;
    swap_heap(at, least);
    at = least;
  }
}

SourceFigures SourceTable::figures(const Entry& entry, double factor) const {
  const double per_second = 1.0 / (factor * std::chrono::duration<double>(kDecay).count());
  const double would_drop = entry.would_drop * per_second;
  const Vote& reason = entry.dropped_total > 0 ? entry.dropped_reason
                       : would_drop >= kSilent ? entry.would_reason
                                               : entry.passed_reason;
  return {.source = entry.key.source,
          .service = entry.key.service,
          .reason = reason.reason,
          .passed_pps = entry.passed * per_second,
          .passed_bps = 8 * entry.passed_bytes * per_second,
          .dropped_pps = entry.dropped * per_second,
          .dropped_bps = 8 * entry.dropped_bytes * per_second,
          .would_drop_pps = would_drop,
          .passed_total = entry.passed_total,
          .dropped_total = entry.dropped_total,
          .passed_bytes = entry.passed_bytes_total,
          .dropped_bytes = entry.dropped_bytes_total};
}

std::vector<SourceFigures> SourceTable::top(std::size_t limit, MonotonicTime now) const {
  const double factor = growth(now);
  std::vector<SourceFigures> rows;
  for (const Entry& entry : entries_) {
    SourceFigures row = figures(entry, factor);
    if (row.passed_pps + row.dropped_pps >= kSilent) rows.push_back(row);
  }
  limit = std::min(limit, rows.size());
  std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(limit), rows.end(),
                    [](const SourceFigures& a, const SourceFigures& b) {
                      return std::tie(a.dropped_pps, a.would_drop_pps, a.passed_pps) >
                             std::tie(b.dropped_pps, b.would_drop_pps, b.passed_pps);
                    });
  rows.resize(limit);
  return rows;
}

std::vector<SourceFigures> SourceTable::of(const Prefix& source, MonotonicTime now) const {
  const double factor = growth(now);
  std::vector<SourceFigures> rows;
  for (const Entry& entry : entries_) {
    if (entry.key.source == source) rows.push_back(figures(entry, factor));
  }
  return rows;
}

void SourceTable::clear() {
  entries_.clear();
  heap_.clear();
  index_.clear();
  landmark_ = MonotonicTime::zero();
}

}  // namespace tidegate::telemetry
