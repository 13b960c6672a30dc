// SPDX-License-Identifier: Apache-2.0
// What came while keys were waited for, in the order of arrival.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>

#include "agent/inspect/model/memory.hpp"
#include "agent/inspect/model/stream.hpp"

namespace tidegate::inspect {

// Bounded by its own limit and by the budget; both count what an event costs beside its bytes. Used by one thread.
class WaitingQueue {
 public:
  static constexpr std::size_t kCostOfEvent = 128;

  struct Event {
    enum class Kind : std::uint8_t { kData, kGap, kEnd } kind = Kind::kData;
    StreamEnd how = StreamEnd::kFinished;
    WallTime time{};
    std::uint64_t order = 0;
    std::uint64_t size = 0;  // of a gap, or of the data
    std::size_t taken = 0;   // of the data
    std::unique_ptr<std::byte[]> bytes;

    Bytes rest() const { return {bytes.get() + taken, size - taken}; }
  };

  WaitingQueue(std::size_t limit, MemoryBudget& budget) : limit_(limit), budget_(&budget) {}
  ~WaitingQueue() { clear(); }
  WaitingQueue(const WaitingQueue&) = delete;
  WaitingQueue& operator=(const WaitingQueue&) = delete;

  // False: no room.
  bool add_data(Direction direction, Bytes bytes, WallTime time);
  bool add_gap(Direction direction, std::uint64_t size, WallTime time);
  bool add_end(Direction direction, StreamEnd how, WallTime time);

  // nullptr: nothing waits in this direction.
  Event* front(Direction direction);
  void pop(Direction direction);
  void clear(Direction direction);
  void clear();
  bool empty() const { return events_[0].empty() && events_[1].empty(); }

 private:
  bool add(Direction direction, Event event, std::size_t bytes);

  std::size_t limit_;
  MemoryBudget* budget_;
  std::size_t used_ = 0;
  std::uint64_t order_ = 1;  // 0 precedes everything here
  std::array<std::deque<Event>, 2> events_;
};

}  // namespace tidegate::inspect
