// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/engine/deadlines.hpp"

#include <algorithm>

namespace tidegate::inspect {

void Deadlines::set(Deadline& deadline, WallTime due) {
  deadline.unlink();
  deadline.due_ = due;
  deadline.link_before(list(std::clamp(slot_of(due), passed_ + 1, passed_ + kSlots - 1)));
}

void Deadlines::advance(WallTime now) {
  if (now < next_) {
    if (next_ - now > kMostBack) restart(now);
    return;
  }
  turn_to(slot_of(now) - 1);
  next_ = WallTime((passed_ + 2) * kSlot);
}

// One slot after the other, so that what sets itself anew in between has its turn. Where the time went over more than a
// round, everything is due; what set itself anew meanwhile is so next.
void Deadlines::turn_to(std::int64_t slot) {
  const std::int64_t last = std::min(slot, passed_ + kSlots);
  while (passed_ < last) {
    Linked& over = list(++passed_);
    call(over);
  }
  if (passed_ >= slot) return;
  passed_ = slot;
  Linked& soon = list(passed_ + 1);
  for (Linked& left : slots_) {
    while (&left != &soon && !left.alone()) {
      Linked& one = *left.next;
      one.unlink();
      one.link_before(soon);
    }
  }
}

void Deadlines::restart(WallTime now) {
  for (Linked& list : slots_) {
    while (!list.alone()) list.next->unlink();
  }
  passed_ = slot_of(now) - 1;
  next_ = WallTime((passed_ + 2) * kSlot);
}

void Deadlines::call(Linked& list) {
  Linked due;
  if (!list.alone()) {
    due.link_before(list);
    list.unlink();
  }
  while (!due.alone()) {
    Linked& first = *due.next;
    first.unlink();
    Deadline& deadline = static_cast<Deadline&>(first);
    deadline.deadline(deadline.due_);
  }
}

}  // namespace tidegate::inspect
