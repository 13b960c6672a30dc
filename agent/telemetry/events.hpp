// SPDX-License-Identifier: Apache-2.0
// What happened lately, for `tidegate events`: a bounded ring, and followers with bounded queues.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/base/clock.hpp"
#include "agent/telemetry/decision_detail.hpp"

namespace tidegate::telemetry {

enum class EventKind { kDrop, kPass, kDecision, kPolicy, kSafelist, kAttach, kWarning };
std::string_view to_string(EventKind kind);

// A sampled packet (kDrop, kPass) or an act of the agent (the rest: `message` says what).
struct Event {
  std::uint64_t number = 0;  // given by EventLog, ascending
  WallTime time{};
  EventKind kind = EventKind::kWarning;
  Address source{};  // all zero: none
  Address destination{};
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t protocol = 0;
  bool dry_run = false;
  std::uint16_t reason = 0;
  std::uint32_t ifindex = 0;
  std::uint64_t packets = 0;  // what a sample stands for
  std::uint64_t bytes = 0;
  std::string service{};
  std::string message{};
  std::shared_ptr<const DecisionDetail> decision{};  // of acts that are about decisions; older ones lose it
};

struct EventFilter {
  std::optional<Prefix> source{};  // acts of the agent have neither: they do not match a filter by one
  std::optional<unsigned> reason{};
  bool acts_only = false;  // no packets
  bool matches(const Event& event) const;
};

// One reader's queue. A reader that is too slow loses the oldest events, counted in lost(). Thread-safe.
class Follower {
 public:
  static constexpr std::size_t kQueue = 4096;

  explicit Follower(EventFilter filter) : filter_(std::move(filter)) {}
  // The next event, waiting at most this long; none: nothing came, or closed.
  std::optional<Event> next(std::chrono::milliseconds wait);
  // Events lost since the last call.
  std::uint64_t take_lost();
  bool closed() const;

 private:
  friend class EventLog;
  void offer(const Event& event);
  void close();

  const EventFilter filter_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Event> queue_;
  std::uint64_t lost_ = 0;
  bool closed_ = false;
};

// Thread-safe. Memory: at most kMost events of about 200 bytes, the newest kDetailed of them with at most 3 kB more;
// none older than kAge; at most kFollowers queues.
class EventLog {
 public:
  static constexpr std::size_t kMost = 16384;
  static constexpr std::size_t kDetailed = 4096;
  static constexpr std::chrono::minutes kAge{30};
  static constexpr std::size_t kFollowers = 18;  // the log, exports, and readers

  explicit EventLog(std::size_t most = kMost) : most_(most) {}
  void add(Event event);
  // Recorded since `from`, oldest first.
  std::vector<Event> since(WallTime from, const EventFilter& filter) const;
  // A reader of what comes; none when kFollowers are there already. Ends when the caller lets go of it.
  std::shared_ptr<Follower> follow(EventFilter filter);
  // Wakes and ends all followers: the agent stops.
  void close();

 private:
  std::size_t most_;
  mutable std::mutex mutex_;
  std::deque<Event> ring_;
  std::vector<std::weak_ptr<Follower>> followers_;
  std::uint64_t last_number_ = 0;
  bool closed_ = false;
};

}  // namespace tidegate::telemetry
