// SPDX-License-Identifier: Apache-2.0
// Which sources send how much, estimated from samples, in bounded memory.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/base/clock.hpp"

namespace tidegate::telemetry {

// One sample as an estimate: `packets` and `bytes` are its weight.
struct Sample {
  Prefix source;  // masked as the policy says what one source is
  unsigned service = 0;
  unsigned reason = 0;
  bool dropped = false;
  bool would_drop = false;  // passed only because of dry-run or tolerance
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

// What is estimated of one source at one service. Rates are over the last few seconds.
struct SourceFigures {
  Prefix source;
  unsigned service = 0;
  unsigned reason = 0;  // the dominant one: of its drops; without any, of what would be dropped; else of what passed
  double passed_pps = 0, passed_bps = 0;  // bps: bits per second
  double dropped_pps = 0, dropped_bps = 0;
  double would_drop_pps = 0;  // the part of passed_pps that only a dry-run or a tolerant setting lets through
  std::uint64_t passed_total = 0, dropped_total = 0;  // since the source entered the table
  std::uint64_t passed_bytes = 0, dropped_bytes = 0;
};

// The heaviest (source, service) pairs: "space saving" (Metwally, Agrawal, El Abbadi 2005) over weights that decay with
// kDecay (forward decay, Cormode et al. 2009). A newcomer takes the place of the lightest pair and inherits its rank,
// so that a pair with more than 1/capacity of the recent weight is always in; it does not inherit its figures, so that
// nobody is charged with another's traffic (figures may be too low, never too high beyond sampling error).
// Memory: about 200 bytes a pair. Not thread-safe.
class SourceTable {
 public:
  static constexpr std::size_t kCapacity = 16384;
  static constexpr std::chrono::seconds kDecay{5};

  // `seed` is secret: sources are chosen by attackers, who must not be able to build collisions.
  explicit SourceTable(std::uint64_t seed, std::size_t capacity = kCapacity);

  // `now` does not go back by more than samples are late.
  void add(const Sample& sample, MonotonicTime now);
  // The `limit` pairs that drop most, then those that would but for a dry-run, then those that pass most; silent ones
  // are left out.
  std::vector<SourceFigures> top(std::size_t limit, MonotonicTime now) const;
  // Every pair of exactly this source.
  std::vector<SourceFigures> of(const Prefix& source, MonotonicTime now) const;
  std::size_t size() const { return entries_.size(); }
  void clear();

 private:
  struct Key {
    Prefix source;
    unsigned service;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::uint64_t seed;
    std::size_t operator()(const Key& key) const;
  };
  // The dominant reason by majority vote (Boyer and Moore).
  struct Vote {
    unsigned reason = 0;
    double weight = 0;
    void add(unsigned candidate, double by);
    void scale(double factor) { weight *= factor; }
  };
  struct Entry {
    Key key;
    std::size_t heap_at = 0;
    double rank = 0;                                                      // decides who is evicted
    double passed = 0, passed_bytes = 0, dropped = 0, dropped_bytes = 0;  // forward-decayed
    double would_drop = 0;                                                // likewise, of `passed`
    Vote passed_reason{}, dropped_reason{}, would_reason{};
    std::uint64_t passed_total = 0, dropped_total = 0, passed_bytes_total = 0, dropped_bytes_total = 0;
  };

  double growth(MonotonicTime now) const;
  void renormalise(MonotonicTime now);
  std::size_t place(const Key& key);
  void count(Entry& entry, const Sample& sample, double factor);
  void sink(std::size_t at);
  void rise(std::size_t at);
  void swap_heap(std::size_t a, std::size_t b);
  SourceFigures figures(const Entry& entry, double factor) const;

  std::size_t capacity_;
  MonotonicTime landmark_{0};
  std::vector<Entry> entries_;
  std::vector<std::size_t> heap_;  // of indices into entries_, lightest rank first
  std::unordered_map<Key, std::size_t, KeyHash> index_;
};

}  // namespace tidegate::telemetry
