// SPDX-License-Identifier: Apache-2.0
// Everything remembered by key: one lookup, and of each kind the longest idle at hand.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/inspect/tcp/connection.hpp"
#include "agent/inspect/tcp/flow_key.hpp"
#include "agent/inspect/tcp/opening.hpp"

namespace tidegate::inspect {

enum class EntryKind : std::uint8_t {
  kFree,
  kHalfOpen,   // a handshake under way
  kUnproven,   // followed, but one side alone may have made it all up
  kProven,     // followed, and the client was seen to receive what the server sends
  kResetting,  // followed, with a RST that the receiver may not have believed
  kIgnored,    // not wanted
  kClosed,     // ended, remembered for late segments
};
inline constexpr std::size_t kEntryKinds = 7;

// Whether an end's checksums are there for an observer to see, by the first that could be judged.
enum class ChecksumHabit : std::uint8_t { kUntold, kFillsIn, kLeavesOut };

struct alignas(64) Entry {
  // What every packet looks at: one cache line.
  FlowKey key{};
  Entry* chain = nullptr;  // in the same bucket; or the next free one
  std::unique_ptr<Connection> connection;
  WallTime seen{};  // to within kTouchEvery

  EntryKind kind = EntryKind::kFree;
  bool server_is_high = false;
  std::array<ChecksumHabit, 2> checksums{};  // of the low and the high end
  Entry* older = nullptr;                    // in the list of its kind
  Entry* newer = nullptr;
  Opening opening;

  bool followed() const { return connection != nullptr; }
  Flow flow() const { return server_is_high ? Flow{key.low(), key.high()} : Flow{key.high(), key.low()}; }
  Direction direction(bool from_high) const {
    return from_high == server_is_high ? Direction::kToClient : Direction::kToServer;
  }
};

// Entries keep their place in memory as long as they live. At most `capacity`, which the caller sees to.
class FlowMap {
 public:
  static constexpr std::chrono::milliseconds kTouchEvery{125};  // saves two cache lines a packet

  explicit FlowMap(std::size_t capacity);

  std::uint64_t hash(const FlowKey& key) const { return hash_(key); }
  Entry* find(const FlowKey& key, std::uint64_t hash) const;
  Entry& insert(const FlowKey& key, std::uint64_t hash, EntryKind kind, WallTime time);
  void erase(Entry& entry);
  // Makes it the newest of this kind.
  void move(Entry& entry, EntryKind kind, WallTime time);
  void touch(Entry& entry, WallTime time) {
    if (time >= entry.seen + kTouchEvery) move(entry, entry.kind, time);
  }
  // The longest idle of a kind; nullptr: there is none.
  Entry* oldest(EntryKind kind) const { return lists_[static_cast<std::size_t>(kind)].oldest; }
  std::size_t count(EntryKind kind) const { return lists_[static_cast<std::size_t>(kind)].count; }

 private:
  struct List {
    Entry* oldest = nullptr;
    Entry* newest = nullptr;
    std::size_t count = 0;
  };
  Entry*& bucket(std::uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  Entry& take_free();
  void link(Entry& entry);
  void unlink(Entry& entry);

  FlowHash hash_;
  std::vector<Entry*> buckets_;
  std::vector<std::unique_ptr<Entry[]>> slabs_;
  Entry* free_ = nullptr;
  std::array<List, kEntryKinds> lists_;
};

}  // namespace tidegate::inspect
