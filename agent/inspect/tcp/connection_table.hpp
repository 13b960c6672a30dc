// SPDX-License-Identifier: Apache-2.0
// Connections by their endpoints: puts segments in order and hands the bytes to whoever reads the connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "agent/base/clock.hpp"
#include "agent/inspect/capture/packet.hpp"
#include "agent/inspect/model/counters.hpp"
#include "agent/inspect/model/memory.hpp"
#include "agent/inspect/model/stream.hpp"

namespace tidegate::inspect {

struct ConnectionTableLimits {
  std::size_t connections = 65'536;          // beyond: the longest idle one is evicted
  std::size_t out_of_order_bytes = 1 << 20;  // kept per direction
  std::chrono::seconds idle{300};            // without a segment
  std::chrono::seconds idle_closed{10};      // after both ends, for late retransmissions
};

// What the table asks and tells its owner. Used by one thread.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  // Whether this server is one to look into; decides who is the server of a connection whose beginning was not seen.
  virtual bool is_server(const Endpoint& endpoint) const = 0;
  // nullptr: not wanted (not inspected, or shed); the connection is then remembered as ignored, at the cost of its key.
  // `mid_stream`: its beginning was not seen.
  virtual std::unique_ptr<StreamSink> open(const Flow& flow, bool mid_stream, WallTime time) = 0;
};

// RFC 9293. Overlaps: what came first wins, a difference is counted (kOverlapConflicts). A hole is given up as a gap
// when the receiver acknowledges beyond it and what follows is there, or when more than the bound waits behind it.
// Sequence numbers wrap. Time moves only by segments and expire(). Used by one thread; memory is taken from `budget`,
// for what is out of order a quarter of it at most. What is lost of bytes that a sink ignores is skipped(), not gap().
//
// Addresses can be forged: handshakes under way, and connections that are not proven (proof.hpp), are kept apart from
// those whose sides were seen to know each other, and make room first.
class ConnectionTable {
 public:
  // Draws a random key from the kernel: getrandom(2).
  ConnectionTable(const ConnectionTableLimits& limits, ConnectionOwner& owner, MemoryBudget& budget,
                  Counters& counters);
  ~ConnectionTable();
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  void add(const Segment& segment);
  // Forgets what was idle too long. Bounded work per call; call it every second or so.
  void expire(WallTime now);
  // Of connections that are not proven, those idle for so long (kEvictedMemory); bounded likewise.
  void forget_unproven(std::chrono::seconds idle, WallTime now);
  // Ends every connection (kEvicted).
  void finish(WallTime now);
  // Ends one, for example because its reader keeps too much; safe from within its own sink's calls (takes effect
  // after). It is remembered as ignored.
  void give_up(const Flow& flow, WallTime now);
  std::size_t size() const;  // connections that are followed

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidegate::inspect
