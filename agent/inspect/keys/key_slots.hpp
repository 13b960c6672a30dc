// SPDX-License-Identifier: Apache-2.0
// The table of sessions behind KeyStore: a fixed number of slots, found by client random or by flow.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/inspect/keys/key_line.hpp"
#include "agent/inspect/keys/key_store.hpp"
#include "agent/inspect/keys/locked_memory.hpp"

namespace tidegate::inspect {

// Clients choose randoms and ports: both hashes are keyed. Used by one thread at a time.
class KeySlots {
 public:
  explicit KeySlots(const KeyStore::Limits& limits);

  // Adds a secret. True: a session that nobody had read had to make room.
  bool add(const KeyLine& line, MonotonicTime now);
  // nullptr: not there. Valid until the next call that is not const.
  const SessionSecrets* find(const ClientRandom& random, MonotonicTime now) const;
  const SessionSecrets* find(const Flow& flow, MonotonicTime now) const;
  // Of those with this random: first that of the flow, then those without one, then others'; each newest first.
  const SessionSecrets* find(const ClientRandom& random, const Flow& flow, std::size_t rank, MonotonicTime now) const;
  // Those with this random that share a secret with `read`.
  void mark_used(const SessionSecrets& read, MonotonicTime now);
  // Wipes at most `most` sessions that are too old.
  void expire(MonotonicTime now, std::size_t most);

  std::size_t size() const { return size_; }
  bool locked() const { return memory_.locked(); }

 private:
  using Index = std::uint32_t;  // slot number + 1; 0: none

  struct Slot {
    Flow flow;
    MonotonicTime since{};  // added, or marked used
    Index next_by_random = 0;
    Index next_by_flow = 0;
    Index older = 0;
    Index newer = 0;
    bool has_flow = false;
    bool used = false;
  };
  // Slots by age.
  struct Line {
    Index oldest = 0;
    Index newest = 0;
  };

  std::size_t bucket_of(const ClientRandom& random) const;
  std::size_t bucket_of(const Flow& flow) const;
  Slot& slot(Index index) { return slots_[index - 1]; }
  const Slot& slot(Index index) const { return slots_[index - 1]; }
  SessionSecrets& secrets(Index index) { return secrets_[index - 1]; }
  const SessionSecrets& secrets(Index index) const { return secrets_[index - 1]; }
  // The first one of a chain that has this random; 0: none. Those of one random are kMostAlike at most.
  Index alike(Index from, const ClientRandom& random) const;
  Index index_of(const ClientRandom& random) const { return alike(by_random_[bucket_of(random)], random); }
  Index next_alike(Index index) const { return alike(slot(index).next_by_random, secrets(index).random); }
  Index place_for(const KeyLine& line) const;
  Index new_place(const ClientRandom& random, bool& evicted_unused);
  Index least_wanted(const ClientRandom& random, std::size_t& count) const;
  bool too_old(Index index, MonotonicTime now) const;
  Index take(bool& evicted_unused);
  void release(Index index);
  void set_flow(Index index, const Flow& flow);
  void drop_flow(Index index);
  void append(Line& line, Index index);
  void unlink(Line& line, Index index);
  Line& line_of(const Slot& slot) { return slot.used ? used_ : unused_; }

  KeyStore::Limits limits_;
  LockedMemory memory_;        // the sessions
  LockedMemory index_memory_;  // everything else: nothing secret, but it grows with use only
  std::span<SessionSecrets> secrets_;
  std::span<Slot> slots_;
  std::span<Index> by_random_;
  std::span<Index> by_flow_;
  std::uint64_t seed_[2];
  Index free_ = 0;       // chained by next_by_random
  Index untouched_ = 1;  // from here on slots were never used
  Line used_;
  Line unused_;
  std::size_t size_ = 0;
};

}  // namespace tidegate::inspect
