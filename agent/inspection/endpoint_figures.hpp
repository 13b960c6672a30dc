// SPDX-License-Identifier: Apache-2.0
// What is asked of which endpoint, how often, how fast, with what result. Bounded, whatever paths attackers make up.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/inspect/model/summary.hpp"

namespace tidegate::inspection {

inline constexpr std::size_t kStatusClasses = 6;  // none seen, 1xx … 5xx

// One endpoint as it is shown.
struct EndpointRow {
  std::string service;
  std::string method;
  std::string path_template;  // "(other)": all that there was no room for
  std::uint64_t requests = 0;
  double requests_per_second = 0;
  std::array<std::uint64_t, kStatusClasses> by_class{};
  std::uint64_t request_bytes = 0;
  std::uint64_t response_bytes = 0;
  std::chrono::nanoseconds median{0};  // of durations of the last half minute or so, up to 25 % too long
  std::chrono::nanoseconds p99{0};
};

// Durations on a logarithmic scale: four steps for each power of two of microseconds, to about an hour.
class DurationHistogram {
 public:
  void add(std::chrono::nanoseconds duration);
  void add(const DurationHistogram& other);
  void clear();
  // The duration that `share` (0 to 1) of them do not exceed; 0 without any.
  std::chrono::nanoseconds quantile(double share) const;

 private:
  static constexpr std::size_t kSteps = 4;
  static constexpr std::size_t kBuckets = 32 * kSteps;
  static std::size_t bucket_of(std::uint64_t microseconds);
  static std::uint64_t top_of(std::size_t bucket);

  std::array<std::uint32_t, kBuckets> counts_{};
  std::uint64_t total_ = 0;
};

// Not thread-safe.
class EndpointFigures {
 public:
  struct Limits {
    std::size_t endpoints = 4096;
    std::chrono::seconds window{15};  // rates and durations are over one to two of them
  };
  explicit EndpointFigures(const Clock& clock) : EndpointFigures(clock, Limits{}) {}
  EndpointFigures(const Clock& clock, const Limits& limits);
  ~EndpointFigures();

  void add(const inspect::Summary& summary);
  // Busiest first, at most `most`; endpoints that there was no room for are one row "(other)" per service.
  std::vector<EndpointRow> top(std::size_t most);
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry;
  Entry& entry_for(const inspect::Summary& summary);
  void make_room();
  void roll(Entry& entry, std::uint64_t window) const;
  EndpointRow row_of(Entry& entry) const;
  std::uint64_t window_now() const;

  const Clock& clock_;
  const Limits limits_;
  MonotonicTime started_;
  std::unordered_map<std::string, std::unique_ptr<Entry>> entries_;
  std::vector<Entry*> order_;                            // for taking a few at random
  std::map<std::string, std::unique_ptr<Entry>> other_;  // by service
  std::minstd_rand random_{1};
};

}  // namespace tidegate::inspection
