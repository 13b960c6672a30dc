// SPDX-License-Identifier: Apache-2.0
// What has to be looked at when nothing happens for some seconds.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "agent/base/clock.hpp"

namespace tidegate::inspect {

namespace detail {
// A place in a ring of places; by itself it is a ring of one.
struct Linked {
  Linked() : previous(this), next(this) {}
  Linked(const Linked&) = delete;
  Linked& operator=(const Linked&) = delete;
  bool alone() const { return next == this; }
  void unlink() {
    previous->next = next;
    next->previous = previous;
    previous = next = this;
  }
  void link_before(Linked& place) {
    previous = place.previous;
    next = &place;
    previous->next = this;
    place.previous = this;
  }
  Linked* previous;
  Linked* next;
};
}  // namespace detail

// One that wants to be called at a time.
class Deadline : private detail::Linked {
 public:
  Deadline() = default;
  virtual ~Deadline() { unlink(); }
  // `due` is what it was set to, whenever that is noticed. It may set itself anew, and must not destroy anything that
  // has a deadline.
  virtual void deadline(WallTime due) = 0;

 private:
  friend class Deadlines;
  WallTime due_{};
};

// A wheel: setting, removing and calling cost the same however many there are, and advancing costs at most a round.
// Time is what it is told, of packets or of a clock. Called late by up to kSlot; in the order of slots, and within one
// in that of being set. Used by one thread.
class Deadlines {
 public:
  static constexpr std::chrono::milliseconds kSlot{100};
  static constexpr std::int64_t kSlots = 256;  // a power of two; farther ahead is not possible
  static constexpr std::chrono::seconds kMostBack{60};

  // Replaces what it was set to. A time that has passed is called at the next advance that finishes a slot.
  void set(Deadline& deadline, WallTime due);
  void remove(Deadline& deadline) { deadline.unlink(); }
  bool has(const Deadline& deadline) const { return !deadline.alone(); }

  // Calls those whose time has come. A clock that goes back a little stands still; by more than kMostBack, all are
  // forgotten: nobody is told of for what only the clock did.
  void advance(WallTime now);

 private:
  using Linked = detail::Linked;
  static std::int64_t slot_of(WallTime time) { return time.time_since_epoch() / kSlot; }
  Linked& list(std::int64_t slot) { return slots_[static_cast<std::uint64_t>(slot) % kSlots]; }
  void turn_to(std::int64_t slot);
  void restart(WallTime now);
  static void call(Linked& list);

  std::array<Linked, kSlots> slots_;
  std::int64_t passed_ = 0;  // the last slot that is over
  WallTime next_{};          // when another one will be
};

}  // namespace tidegate::inspect
