// SPDX-License-Identifier: Apache-2.0
// A hash table that never outgrows its budget: what matters least makes room.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace tidegate::behavior {

// Keys are 64-bit keyed hashes other than 0. `Value` is movable, has heap_bytes() and a default that holds nothing.
// `Judge` says what a value is worth: `double worth(const Value&) const`, below 0 when it is over and may go for free;
// and is told of what had to go: `void evicted(key, const Value&)`.
//
// The table is kSegments open-addressed tables, each of which grows by itself, so that no call takes long; each holds
// its share of the budget. When it is spent, the value worth least of kSampled goes.
template <typename Value, typename Judge>
class BoundedTable {
 public:
  static constexpr std::size_t kSegments = 64;
  static constexpr std::size_t kLeastSlots = 16;
  static constexpr std::size_t kSampled = 16;
  static constexpr std::size_t kMostLooks = 64;  // slots that one search for a victim looks at, empty ones included

  BoundedTable(std::uint64_t budget, Judge& judge) : share_(budget / kSegments), judge_(judge) {}

  // nullptr: not there. Valid until the next update().
  Value* find(std::uint64_t key) {
    Segment& segment = segment_of(key);
    if (segment.slots.empty()) return nullptr;
    Slot& slot = segment.slots[place(segment, key)];
    return slot.key == key ? &slot.value : nullptr;
  }

  // Hands the value of `key`, a new one where there is none, to `change`, and returns what that returns.
  template <typename Change>
  auto update(std::uint64_t key, Change&& change) {
    Segment& segment = segment_of(key);
    if (segment.slots.empty()) resize(segment, kLeastSlots);
    std::size_t at = place(segment, key);
    if (segment.slots[at].key != key) at = claim(segment, key);
    Slot& slot = segment.slots[at];
    const std::size_t before = slot.value.heap_bytes();
    struct Account {
      BoundedTable& table;
      Segment& segment;
      Slot& slot;
      std::size_t before;
      // Values that grow make room as well, by others.
      ~Account() {
        segment.heap += slot.value.heap_bytes() - before;
        const std::uint64_t key = slot.key;
        for (int i = 0; i < 2 && bytes_of(segment) > table.share_; ++i) table.evict(segment, key);
      }
    } account{*this, segment, slot, before};
    return change(slot.value);
  }

  // What is under `from` is under `to` from now on, where there was nothing. True: there was something to rename.
  bool rename(std::uint64_t from, std::uint64_t to) {
    Segment& segment = segment_of(from);
    if (segment.slots.empty()) return false;
    const std::size_t at = place(segment, from);
    if (segment.slots[at].key != from) return false;
    Value value = std::move(segment.slots[at].value);
    segment.heap -= value.heap_bytes();
    segment.slots[at].value = Value{};
    remove(segment, at);
    update(to, [&value](Value& renamed) { renamed = std::move(value); });
    return true;
  }

  void erase(std::uint64_t key) {
    Segment& segment = segment_of(key);
    if (segment.slots.empty()) return;
    const std::size_t at = place(segment, key);
    if (segment.slots[at].key == key) remove(segment, at);
  }

  void clear() {
    for (Segment& segment : segments_) segment = Segment{};
  }

  std::uint64_t size() const {
    std::uint64_t total = 0;
    for (const Segment& segment : segments_) total += segment.used;
    return total;
  }
  // Slots and what hangs on them, without what the allocator adds.
  std::uint64_t bytes() const {
    std::uint64_t total = 0;
    for (const Segment& segment : segments_) total += bytes_of(segment);
    return total;
  }
  std::uint64_t evictions() const { return evictions_; }

  // Calls visit(value, slot) for each: the bytes of its slot and of its part of the empty ones.
  template <typename Visit>
  void each(Visit&& visit) const {
    std::uint64_t slots = 0;
    for (const Segment& segment : segments_) slots += segment.slots.size() * sizeof(Slot);
    const std::uint64_t used = size();
    for (const Segment& segment : segments_) {
      for (const Slot& slot : segment.slots) {
        if (slot.key != 0) visit(slot.value, slots / used);
      }
    }
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    Value value{};
  };
  struct Segment {
    std::vector<Slot> slots;
    std::size_t used = 0;
    std::size_t heap = 0;
    std::size_t hand = 0;
  };

  static std::uint64_t bytes_of(const Segment& segment) { return segment.slots.size() * sizeof(Slot) + segment.heap; }
  Segment& segment_of(std::uint64_t key) { return segments_[key % kSegments]; }
  static std::size_t home(const Segment& segment, std::uint64_t key) {
    return ((key / kSegments & UINT32_MAX) * segment.slots.size()) >> 32;
  }

  static std::size_t after(const Segment& segment, std::size_t at) {
    return at + 1 == segment.slots.size() ? 0 : at + 1;
  }
  // How far `at` lies behind `from`, around the end.
  static std::size_t distance(const Segment& segment, std::size_t from, std::size_t at) {
    return at >= from ? at - from : at + segment.slots.size() - from;
  }

  // Where a key is, or the empty slot where it would be. There is always an empty one.
  static std::size_t place(const Segment& segment, std::uint64_t key) {
    std::size_t at = home(segment, key);
    while (segment.slots[at].key != 0 && segment.slots[at].key != key) at = after(segment, at);
    return at;
  }

  std::size_t claim(Segment& segment, std::uint64_t key) {
    make_room(segment);
    const std::size_t at = place(segment, key);
    segment.slots[at].key = key;
    ++segment.used;
    return at;
  }

  void make_room(Segment& segment) {
    sweep(segment);
    const bool crowded = (segment.used + 1) * 4 > segment.slots.size() * 3;
    // In small steps: empty slots cost memory as well.
    const std::size_t more = segment.slots.size() / 4;
    if (crowded && bytes_of(segment) + more * sizeof(Slot) <= share_) {
      resize(segment, segment.slots.size() + more);
    } else if (crowded || bytes_of(segment) > share_) {
      evict(segment, 0);
    }
  }

  // Two slots a claim: what is over goes before anything of worth has to.
  void sweep(Segment& segment) {
    for (int i = 0; i < 2; ++i) {
      const std::size_t at = next(segment);
      if (segment.slots[at].key != 0 && judge_.worth(segment.slots[at].value) < 0) remove(segment, at);
    }
  }

  std::size_t next(Segment& segment) {
    segment.hand = after(segment, segment.hand);
    return segment.hand;
  }

  // `spared` stays.
  void evict(Segment& segment, std::uint64_t spared) {
    std::size_t victim = SIZE_MAX;
    double least = 0;
    std::size_t seen = 0;
    for (std::size_t i = 0; i < kMostLooks && seen < kSampled; ++i) {
      const std::size_t at = next(segment);
      if (segment.slots[at].key == 0 || segment.slots[at].key == spared) continue;
      ++seen;
      const double worth = judge_.worth(segment.slots[at].value);
      if (victim == SIZE_MAX || worth < least) victim = at, least = worth;
    }
    if (victim == SIZE_MAX) return;
    if (least >= 0) {
      ++evictions_;
      judge_.evicted(segment.slots[victim].key, segment.slots[victim].value);
    }
    remove(segment, victim);
  }

  // Closes the gap, so that no chain is cut (Knuth 6.4, algorithm R).
  static void remove(Segment& segment, std::size_t at) {
    segment.heap -= segment.slots[at].value.heap_bytes();
    --segment.used;
    std::size_t hole = at;
    for (std::size_t i = after(segment, at); segment.slots[i].key != 0; i = after(segment, i)) {
      const std::size_t from = home(segment, segment.slots[i].key);
      if (distance(segment, from, i) < distance(segment, hole, i)) continue;
      segment.slots[hole] = std::move(segment.slots[i]);
      hole = i;
    }
    segment.slots[hole] = Slot{};
  }

  static void resize(Segment& segment, std::size_t slots) {
    std::vector<Slot> old(slots);
    old.swap(segment.slots);
    segment.hand = 0;
    for (Slot& slot : old) {
      if (slot.key != 0) segment.slots[place(segment, slot.key)] = std::move(slot);
    }
  }

  std::array<Segment, kSegments> segments_;
  std::uint64_t share_;
  Judge& judge_;
  std::uint64_t evictions_ = 0;
};

}  // namespace tidegate::behavior
