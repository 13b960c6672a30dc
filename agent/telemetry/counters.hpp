// SPDX-License-Identifier: Apache-2.0
// The datapath's counters, summed up for people: exact totals by service, reason and interface, and their rates.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/kernel/datapath.hpp"
#include "agent/telemetry/names.hpp"

namespace tidegate::telemetry {

struct Traffic {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

struct Rates {
  double packets_per_second = 0;
  double bits_per_second = 0;
};

// Of a service, a reason or an interface.
struct CounterRow {
  std::string name;
  unsigned number = 0;  // slot, reason or ifindex
  Traffic passed, dropped;
  Traffic would_drop;  // the part of `passed` with a drop reason: dry-run or tolerance
  Rates passed_rate, dropped_rate;
  Rates would_drop_rate{};
};

// Of one reason at one service.
struct ExactCount {
  std::string service;
  unsigned reason = 0;
  Traffic passed, dropped;
};

struct CounterView {
  std::vector<CounterRow> services;    // those with traffic, by slot
  std::vector<CounterRow> reasons;     // likewise, by number
  std::vector<CounterRow> interfaces;  // attached ones
  std::vector<std::uint64_t> faults;   // by enum tg_fault
};

// Keeps the last snapshots to make rates from. Not thread-safe.
class CounterHistory {
 public:
  // Rates are over about this span.
  static constexpr std::chrono::seconds kSpan{3};

  void add(kernel::Counters counters, MonotonicTime when);
  // Totals of the newest snapshot. Counters that went back (a slot was given to another service) have rate 0.
  CounterView view(const ServiceNames& names) const;
  // Of the newest snapshot, those with traffic.
  std::vector<ExactCount> exact(const ServiceNames& names) const;
  // The age of the newest snapshot; none before the first.
  std::optional<std::chrono::nanoseconds> age(MonotonicTime now) const;

 private:
  struct Snapshot {
    MonotonicTime when;
    kernel::Counters counters;
  };
  std::vector<Snapshot> snapshots_;  // oldest first
};

}  // namespace tidegate::telemetry
