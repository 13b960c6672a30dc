// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>

#include "agent/inspect/http/kept_bytes.hpp"
#include "agent/inspect/model/stream.hpp"

namespace tidegate::inspect::http {

// What one direction has brought but must wait for the other one, in order.
class Lane {
 public:
  struct Event {
    enum class Kind : std::uint8_t { kData, kSkipped, kGap, kEnd } kind;
    StreamEnd how = StreamEnd::kFinished;
    std::uint64_t size = 0;
    WallTime time{};
  };

  // What is kept counts against the budget; `longest` bounds it with what each event costs.
  Lane(MemoryBudget& budget, std::size_t longest) : bytes_(budget), budget_(budget), longest_(longest) {}
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  bool empty() const { return events_.empty(); }
  // False: there is no room for it; nothing was kept.
  bool hold(Bytes bytes, WallTime time);
  bool hold(const Event& event);

  const Event& front() const { return events_.front(); }
  // Of an event that is data.
  Bytes front_data() const;
  // As many bytes of it were used up; all of them: the event is gone.
  void used(std::size_t size);
  void pop();

 private:
  bool has_room(std::size_t bytes) const;

  KeptBytes bytes_;
  std::deque<Event> events_;
  MemoryBudget& budget_;
  std::size_t longest_;
};

}  // namespace tidegate::inspect::http
