// SPDX-License-Identifier: Apache-2.0
// Everything measured, in one place: samples in, estimates, counters and events out.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/base/guarded.hpp"
#include "agent/telemetry/counters.hpp"
#include "agent/telemetry/events.hpp"
#include "agent/telemetry/names.hpp"
#include "agent/telemetry/sources.hpp"
#include "bpf/abi/event.h"

namespace tidegate::telemetry {

// Thread-safe: each part has a lock of its own, none is held while another is taken.
class Telemetry {
 public:
  // `seed`: a secret number of this process, see SourceTable.
  Telemetry(const Clock& clock, std::uint64_t seed) : clock_(clock), sources_(seed) {}

  // What slots are called, and how sources are grouped (lengths as people write them: 32, 64), from now on.
  void set_policy(const std::map<std::string, unsigned>& slots, unsigned ipv4_prefix, unsigned ipv6_prefix);
  void ingest(const tg_event& event);
  void snapshot(kernel::Counters counters);

  // An act of the agent itself.
  void note(EventKind kind, std::string message);
  // One about decisions.
  void note(EventKind kind, std::string message, DecisionDetail detail);

  std::vector<SourceFigures> top_sources(std::size_t limit) const;
  std::vector<SourceFigures> source(const Address& address) const;
  CounterView counters() const;
  std::vector<ExactCount> exact_counts() const;
  std::optional<std::chrono::nanoseconds> counters_age() const;
  std::string service_name(unsigned slot) const;
  // The source an address belongs to under the present policy.
  Prefix source_of(const Address& address) const;
  EventLog& events() { return events_; }

 private:
  void count(const tg_event& event, MonotonicTime now);

  struct Naming {
    ServiceNames names;
    unsigned v4_length = 128;  // of the 128-bit form
    unsigned v6_length = 64;
  };

  const Clock& clock_;
  mutable Guarded<Naming> naming_;
  mutable Guarded<SourceTable> sources_;
  mutable Guarded<CounterHistory> counters_;
  EventLog events_;
};

}  // namespace tidegate::telemetry
