// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tcp/half_stream.hpp"

#include <algorithm>

namespace tidegate::inspect {

void HalfStream::start(std::uint32_t sequence) {
  // Some room below, so that a sequence number before the first one is an offset before it.
  next_ = (std::uint64_t{1} << 32) + sequence;
  started_ = true;
}

std::int32_t HalfStream::ahead(std::uint32_t sequence) const {
  return static_cast<std::int32_t>(sequence - static_cast<std::uint32_t>(next_));
}

std::uint64_t HalfStream::offset_of(std::uint32_t sequence) const {
  return next_ + static_cast<std::uint64_t>(static_cast<std::int64_t>(ahead(sequence)));
}

void HalfStream::add(Outlet& outlet, std::uint32_t sequence, Bytes payload, std::uint32_t cut) {
  if (ended_) return;
  const std::uint64_t offset = offset_of(sequence);
  const Piece data{offset, payload.size(), payload.data()};
  const Piece lost{data.end(), cut, nullptr};
  if (lost.end() <= next_ || !reachable(outlet, offset)) return;
  if (lost.end() > fin_) [[unlikely]] {
    keep_beyond_fin(outlet, data.after(fin_));
    keep_beyond_fin(outlet, lost.after(fin_));
  }
  take(outlet, data.before(fin_));
  take(outlet, lost.before(fin_));
  settle(outlet);
}

bool HalfStream::is_far(std::uint64_t offset) const {
  return offset > next_ + kReach && (!has_acknowledged_ || offset > acknowledged_ + kReach);
}

// With both directions in view a segment from nowhere is one that no receiver takes. With one only, it means that much
// was lost: go on there.
bool HalfStream::reachable(Outlet& outlet, std::uint64_t offset) {
  if (!is_far(offset)) return true;
  if (has_acknowledged_) return false;
  fin_ = kNone;
  flush(outlet);
  lose_until(outlet, offset);
  return true;
}

void HalfStream::take(Outlet& outlet, Piece piece) {
  piece = piece.after(next_);
  if (piece.empty()) return;
  if (piece.offset == next_) {
    in_order(outlet, piece);
  } else {
    keep(outlet, piece);
  }
}

// Passes the bytes on where they lie. What was kept of the same range came first and is what counts.
void HalfStream::in_order(Outlet& outlet, Piece piece) {
  bool conflict = false;
  while (waiting() && queue_->first_offset() < piece.end()) {
    emit(outlet, piece.before(queue_->first_offset()));
    const ReorderQueue::Chunk kept = queue_->pop(outlet.context.memory);
    conflict = conflict || conflicts(kept.piece(), piece);
    emit_kept(outlet, kept.piece());
    piece = piece.after(next_);
  }
  emit(outlet, piece);
  if (conflict) outlet.context.counters.add(Counter::kOverlapConflicts);
}

void HalfStream::keep(Outlet& outlet, Piece piece) {
  if (queue_ == nullptr) queue_ = std::make_unique<ReorderQueue>();
  TcpContext& context = outlet.context;
  piece.time = outlet.time;
  bool conflict = false;
  bool overflow = false;
  while (!queue_->insert(piece, context.out_of_order_bytes, context.memory, conflict)) {
    overflow = true;
    lose_until(outlet, waiting() ? std::min(piece.offset, queue_->first_offset()) : piece.offset);
    drain(outlet);
    piece = piece.after(next_);
    if (piece.empty() || piece.offset == next_) {
      in_order(outlet, piece);
      break;
    }
  }
  if (overflow) context.counters.add(Counter::kReorderOverflow);
  if (conflict) context.counters.add(Counter::kOverlapConflicts);
}

// Behind a FIN that its receiver may not have.
void HalfStream::keep_beyond_fin(Outlet& outlet, Piece piece) {
  piece = piece.after(next_);
  if (piece.empty()) return;
  if (queue_ == nullptr) queue_ = std::make_unique<ReorderQueue>();
  TcpContext& context = outlet.context;
  piece.time = std::max(piece.time, outlet.time);
  bool conflict = false;
  const bool kept = queue_->insert(piece, context.out_of_order_bytes, context.memory, conflict);
  if (conflict) context.counters.add(Counter::kOverlapConflicts);
  if (!kept) refute_fin(outlet);  // so much does not wait for an acknowledgement
}

// Of Linux a receiver that has all before a FIN, and the FIN, drops what it kept beyond it.
void HalfStream::finish_at(Outlet& outlet, std::uint32_t sequence) {
  if (ended_) return;
  const std::uint64_t offset = offset_of(sequence);
  const bool in_window = !has_acknowledged_ || offset < edge_;
  if (offset == next_ && in_window) {
    fin_ = offset;
    return tell_end(outlet, StreamEnd::kFinished);
  }
  // One that contradicts what came before it is none.
  if (offset < next_ || is_far(offset) || (waiting() && queue_->end_offset() > offset) || offset >= fin_) return;
  fin_ = offset;
  settle(outlet);
}

void HalfStream::refute_fin(Outlet& outlet) {
  fin_ = kNone;
  outlet.context.counters.add(Counter::kRefutedFins);
}

void HalfStream::acknowledge(Outlet& outlet, std::uint32_t sequence, std::uint32_t window) {
  if (!started_ || ended_) return;
  const std::uint64_t offset = offset_of(sequence);
  edge_ = std::max(edge_, offset + window);
  if (has_acknowledged_ && offset <= acknowledged_) return;
  acknowledged_ = offset;
  has_acknowledged_ = true;
  if (queue_ != nullptr || fin_ != kNone) settle(outlet);
}

bool HalfStream::is_next(std::uint32_t sequence) const {
  if (!started_) return true;
  const std::uint64_t offset = offset_of(sequence);
  if (fin_ != kNone && offset == fin_ + 1) return ended_ || !has_acknowledged_;
  if (!has_acknowledged_) return offset == next_ || (waiting() && offset == queue_->end_offset());
  return (offset == next_ && offset <= edge_) || (offset == acknowledged_ && offset > next_);
}

// Which segments Linux takes such a pointer from (tcp_validate_incoming, tcp_check_urg): those that do not end before
// what it acknowledged, nor begin beyond its window.
void HalfStream::mark_urgent(std::uint32_t sequence, std::uint32_t size, std::uint16_t urgent) {
  const std::uint64_t offset = offset_of(sequence);
  if (ended_ || is_far(offset)) return;
  if (has_acknowledged_ && (offset + size < acknowledged_ || offset > std::max(edge_, next_))) return;
  const std::uint64_t at = offset + urgent - 1;
  if (at >= next_ && (urgent_ == kNone || at > urgent_)) urgent_ = at;
}

// Everything that can be said now: what has become contiguous, holes that the receiver does not have, the end.
void HalfStream::settle(Outlet& outlet) {
  if (fin_ != kNone && has_acknowledged_ && acknowledged_ > fin_ + 1) refute_fin(outlet);
  drain(outlet);
  while (waits_before_fin() && has_acknowledged_ && acknowledged_ >= queue_->first_offset()) {
    lose_until(outlet, queue_->first_offset());
    drain(outlet);
  }
  if (waits_before_fin()) return;
  if (!waiting()) queue_.reset();
  if (fin_ == kNone || (has_acknowledged_ ? acknowledged_ != fin_ + 1 : next_ < fin_)) return;
  lose_until(outlet, fin_);
  tell_end(outlet, StreamEnd::kFinished);
}

void HalfStream::drain(Outlet& outlet) {
  while (waits_before_fin() && queue_->first_offset() <= next_) {
    const ReorderQueue::Chunk kept = queue_->pop(outlet.context.memory);
    emit_kept(outlet, kept.piece());
  }
}

void HalfStream::flush(Outlet& outlet) {
  while (waits_before_fin()) {
    lose_until(outlet, queue_->first_offset());
    drain(outlet);
  }
  discard(outlet.context);
}

void HalfStream::discard(TcpContext& context) {
  while (waiting()) static_cast<void>(queue_->pop(context.memory));
  queue_.reset();
}

void HalfStream::emit_kept(Outlet& outlet, Piece piece) {
  piece = piece.after(next_);
  if (piece.end() > fin_) [[unlikely]]
    keep_beyond_fin(outlet, piece.after(fin_));
  emit(outlet, piece.before(fin_));
}

void HalfStream::emit(Outlet& outlet, const Piece& piece) {
  if (piece.empty()) return;
  if (piece.bytes == nullptr) return lose_until(outlet, piece.end());
  if (urgent_ >= piece.end()) [[likely]]
    return deliver(outlet, piece);
  const std::uint64_t at = urgent_;
  deliver(outlet, piece.before(at));
  leave_out_urgent(outlet);
  deliver(outlet, piece.after(at + 1));
}

void HalfStream::leave_out_urgent(Outlet& outlet) {
  next_ = urgent_ + 1;
  urgent_ = kNone;
  outlet.context.counters.add(Counter::kUrgentBytes);
}

// What was kept came no earlier than it was captured, even where a capture is not in order of time.
void HalfStream::deliver(Outlet& outlet, const Piece& piece) {
  if (piece.empty()) return;
  next_ = piece.end();
  if (outlet.given_up) return;
  outlet.context.counters.add(Counter::kPayloadBytes, piece.size);
  const std::uint64_t ignored = std::min(piece.size, outlet.sink.ignores(outlet.direction));
  const WallTime time = std::max(outlet.time, piece.time);
  if (ignored > 0) outlet.sink.skipped(outlet.direction, ignored, time);
  if (ignored == piece.size || outlet.given_up) return;
  outlet.sink.data(outlet.direction, {piece.bytes + ignored, piece.size - ignored}, time);
}

// Bytes that mean nothing to the reader are no gap to it.
void HalfStream::lose_until(Outlet& outlet, std::uint64_t offset) {
  if (offset <= next_) return;
  std::uint64_t size = offset - next_;
  if (urgent_ < offset) {
    leave_out_urgent(outlet);
    --size;
  }
  next_ = offset;
  if (size == 0 || outlet.given_up) return;
  Counters& counters = outlet.context.counters;
  counters.add(Counter::kLostBytes, size);
  if (!outlet.lossy) counters.add(Counter::kLossy);
  outlet.lossy = true;
  const std::uint64_t ignored = std::min(size, outlet.sink.ignores(outlet.direction));
  if (ignored > 0) outlet.sink.skipped(outlet.direction, ignored, outlet.time);
  if (ignored < size && !outlet.given_up) outlet.sink.gap(outlet.direction, size - ignored, outlet.time);
}

void HalfStream::end(Outlet& outlet, StreamEnd how) {
  if (ended_) return;
  flush(outlet);
  if (fin_ != kNone) {
    lose_until(outlet, fin_);
    return tell_end(outlet, StreamEnd::kFinished);
  }
  // The receiver had more than was seen. One byte of it may have been a FIN, so the number is not known.
  if (has_acknowledged_ && acknowledged_ > next_ + 1 && !outlet.given_up) {
    if (!outlet.lossy) outlet.context.counters.add(Counter::kLossy);
    outlet.lossy = true;
    outlet.sink.gap(outlet.direction, 0, outlet.time);
  }
  tell_end(outlet, how);
}

void HalfStream::tell_end(Outlet& outlet, StreamEnd how) {
  if (ended_) return;
  ended_ = true;
  discard(outlet.context);
  outlet.sink.end(outlet.direction, how, outlet.time);
}

}  // namespace tidegate::inspect
