// SPDX-License-Identifier: Apache-2.0
// One direction of a connection: segments in, bytes in order out.
#pragma once

#include <cstdint>
#include <memory>

#include "agent/inspect/model/counters.hpp"
#include "agent/inspect/model/memory.hpp"
#include "agent/inspect/model/stream.hpp"
#include "agent/inspect/tcp/reorder_queue.hpp"

namespace tidegate::inspect {

// How far ahead of what is read or acknowledged a segment may be: beyond any window in use. What is farther no receiver
// would take.
inline constexpr std::uint32_t kReach = 16 << 20;

// Shared by all connections of a table.
struct TcpContext {
  std::size_t out_of_order_bytes;
  MemoryShare& memory;  // for what is out of order, of all connections
  Counters& counters;
};

// Where a direction's bytes go during one call.
struct Outlet {
  TcpContext& context;
  StreamSink& sink;
  Direction direction;
  WallTime time;
  bool& lossy;           // of the connection: some bytes were missing
  const bool& given_up;  // of the connection: its reader wants no more than the ends
};

class HalfStream {
 public:
  bool started() const { return started_; }
  bool ended() const { return ended_; }
  // The sequence number of the first byte.
  void start(std::uint32_t sequence);
  // The sequence number of what would come next; not before start().
  std::uint32_t next() const { return static_cast<std::uint32_t>(next_); }
  // How far `sequence` is ahead of what would come next (RFC 9293, 3.4); not before start().
  std::int32_t ahead(std::uint32_t sequence) const;
  // The bytes from `sequence` on; `cut` more were sent and not captured.
  void add(Outlet& outlet, std::uint32_t sequence, Bytes payload, std::uint32_t cut);
  // A FIN with this sequence number. One in order, within the window, is the end; one that is ahead counts once the
  // receiver acknowledges it, or, where only one direction is seen, once it is reached. Until then bytes beyond it
  // wait; an acknowledgement of more says that the receiver never had it (kRefutedFins).
  void finish_at(Outlet& outlet, std::uint32_t sequence);
  // The receiver has everything before `sequence`, and room for `window` bytes from there on.
  void acknowledge(Outlet& outlet, std::uint32_t sequence, std::uint32_t window);
  // A segment at `sequence`, of `size` in sequence numbers, says that the byte before sequence + `urgent` is urgent. It
  // is left out of what is delivered, because read() leaves it out. There is one at a time, as in Linux: a newer one
  // makes the last one, if that has not come in order yet, a byte like others.
  void mark_urgent(std::uint32_t sequence, std::uint32_t size, std::uint16_t urgent);
  // Whether a receiver would have taken a RST with this sequence number (RFC 5961, 3.2): the next one, as far as it
  // has said what it has.
  bool is_next(std::uint32_t sequence) const;
  // Delivers what is kept, holes as gaps, and tells the end if it was not told. A FIN that was seen is kFinished.
  void end(Outlet& outlet, StreamEnd how);

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  std::uint64_t offset_of(std::uint32_t sequence) const;
  bool is_far(std::uint64_t offset) const;
  bool reachable(Outlet& outlet, std::uint64_t offset);
  void take(Outlet& outlet, Piece piece);
  void in_order(Outlet& outlet, Piece piece);
  void keep(Outlet& outlet, Piece piece);
  void keep_beyond_fin(Outlet& outlet, Piece piece);
  void refute_fin(Outlet& outlet);
  bool waits_before_fin() const { return waiting() && queue_->first_offset() < fin_; }
  void emit_kept(Outlet& outlet, Piece piece);
  void discard(TcpContext& context);
  void settle(Outlet& outlet);
  void drain(Outlet& outlet);
  void flush(Outlet& outlet);
  void emit(Outlet& outlet, const Piece& piece);
  void deliver(Outlet& outlet, const Piece& piece);
  void leave_out_urgent(Outlet& outlet);
  void lose_until(Outlet& outlet, std::uint64_t offset);
  void tell_end(Outlet& outlet, StreamEnd how);
  bool waiting() const { return queue_ != nullptr && !queue_->empty(); }

  // Offsets whose low 32 bits are sequence numbers; they do not wrap.
  std::uint64_t next_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t edge_ = 0;     // of the receiver's window
  std::uint64_t fin_ = kNone;  // while it is doubtful: not before next_; of a direction that ended, of interest to RSTs
  std::uint64_t urgent_ = kNone;         // not before next_
  std::unique_ptr<ReorderQueue> queue_;  // only while something waits
  bool started_ = false;
  bool has_acknowledged_ = false;
  bool ended_ = false;
};

}  // namespace tidegate::inspect
