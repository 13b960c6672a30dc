// SPDX-License-Identifier: Apache-2.0
// What inspectors reported, over all their lives.
#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <optional>

#include "agent/base/clock.hpp"
#include "agent/inspect/wire/messages.hpp"

namespace tidegate::inspection {

// Not thread-safe.
class Tally {
 public:
  static constexpr std::chrono::seconds kRecent{60};

  void take(const inspect::wire::Statistics& statistics);
  void take(const inspect::wire::KeyStatistics& statistics, MonotonicTime now);
  // The inspector ended: what it counted is kept, what it held is gone.
  void end_life();
  // Once a second: for recent().
  void sample();

  inspect::Counters total() const;
  inspect::Counters recent() const;  // of about the last minute

  std::uint64_t open_connections() const;
  std::uint64_t memory() const;
  std::uint64_t sessions() const { return keys_.sessions; }
  std::uint64_t resident_bytes() const { return keys_.resident_bytes; }
  double ring_fill() const;
  // The worker that sheds most decides, because all share one filter.
  unsigned shedding() const;
  double shed_share() const;

  struct Source {
    inspect::wire::KeyStatistics::Source figures;  // over all lives, but for `senders`
    std::optional<MonotonicTime> last_seen;
  };
  Source source(std::uint32_t id) const;

 private:
  struct SourceState {
    inspect::wire::KeyStatistics::Source before;   // earlier lives
    inspect::wire::KeyStatistics::Source present;  // this one
    std::optional<MonotonicTime> last_seen;
  };

  std::map<std::uint16_t, inspect::wire::Statistics> workers_;
  inspect::wire::KeyStatistics keys_;
  std::map<std::uint32_t, SourceState> sources_;
  inspect::Counters before_;
  std::deque<inspect::Counters> samples_;
};

}  // namespace tidegate::inspection
