// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tcp/connection.hpp"

namespace tidegate::inspect {

void Connection::server_begins(std::uint32_t sequence) {
  half(Direction::kToClient).start(sequence);
  proof_.expect(sequence);
}

// The acknowledgement first: what the sender answers precedes what it says.
void Connection::take(TcpContext& context, Direction direction, const Segment& segment) {
  if (segment.ack) {
    if (doubted_[index_of(opposite(direction))]) {
      believe_acknowledged(context, opposite(direction), segment.acknowledged);
    }
    Outlet other = outlet(context, opposite(direction), segment.time);
    const auto window = std::uint32_t{segment.window} << scales_[index_of(opposite(direction))];
    half(opposite(direction)).acknowledge(other, segment.acknowledged, window);
    note_window(direction, segment);
  }
  if (proof_.take(direction, segment, half(Direction::kToServer))) prove(context, segment.time);
  const bool carries = !segment.payload.empty() || segment.cut > 0;
  HalfStream& own = half(direction);
  if (segment.urgent != 0) [[unlikely]]
    mark_urgent(own, segment);
  if (!carries && !segment.fin) return;
  if (!own.started()) own.start(segment.sequence);
  Outlet here = outlet(context, direction, segment.time);
  if (carries) own.add(here, segment.sequence, segment.payload, segment.cut);
  if (!segment.fin) return;
  const auto size = static_cast<std::uint32_t>(segment.payload.size()) + segment.cut;
  own.finish_at(here, segment.sequence + size);
}

// Linux looks at the pointer of any segment that its window admits, before it looks at the bytes.
void Connection::mark_urgent(HalfStream& own, const Segment& segment) {
  const auto size = static_cast<std::uint32_t>(segment.payload.size()) + segment.cut + (segment.fin ? 1 : 0);
  if (!own.started() && size > 0) own.start(segment.sequence);
  if (own.started()) own.mark_urgent(segment.sequence, size, segment.urgent);
}

void Connection::doubt(TcpContext& context, Direction direction, const Segment& segment) {
  if (segment.payload.empty() || !half(direction).started()) return;
  auto& doubted = doubted_[index_of(direction)];
  if (!doubted) doubted = std::make_unique<Doubted>(context.memory);
  doubted->keep(segment);
}

void Connection::believe_acknowledged(TcpContext& context, Direction direction, std::uint32_t acknowledged) {
  auto& doubted = doubted_[index_of(direction)];
  HalfStream& own = half(direction);
  while (const auto kept = doubted->take(acknowledged)) {
    if (own.ahead(kept->end()) <= 0) continue;
    Outlet here = outlet(context, direction, kept->time);
    own.add(here, kept->sequence, kept->bytes, 0);
    if (kept->fin) own.finish_at(here, kept->end());
  }
  if (doubted->empty()) doubted.reset();
}

// From here on nothing from nowhere is taken for the client's: where it is, is known.
void Connection::prove(TcpContext& context, WallTime time) {
  HalfStream& client = half(Direction::kToServer);
  Outlet here = outlet(context, Direction::kToServer, time);
  client.acknowledge(here, client.next(), 65'535);
  if (!given_up_) sink_->proven();
}

// Said of somebody by others it would be a reason to accuse him: believed from who knows where both sides are.
void Connection::note_window(Direction direction, const Segment& segment) {
  bool& full = full_[index_of(opposite(direction))];
  if (full == segment.full || given_up_ || !is_near(direction, segment)) return;
  if (segment.full && !half(direction).is_next(segment.sequence)) return;
  full = segment.full;
  sink_->full(opposite(direction), full, segment.time);
}

void Connection::end(TcpContext& context, StreamEnd how, WallTime time) {
  for (const Direction direction : {Direction::kToServer, Direction::kToClient}) {
    Outlet here = outlet(context, direction, time);
    half(direction).end(here, how);
  }
}

bool Connection::is_near(Direction direction, const Segment& segment) const {
  const HalfStream& other = halves_[index_of(opposite(direction))];
  if (!segment.ack || !other.started()) return false;
  const std::int32_t ahead = other.ahead(segment.acknowledged);
  constexpr auto kNear = static_cast<std::int32_t>(kReach);
  return -kNear <= ahead && ahead <= kNear;
}

Connection::Reset Connection::judge_reset(Direction direction, const Segment& segment) const {
  const HalfStream& own = halves_[index_of(direction)];
  if (own.is_next(segment.sequence)) return Reset::kBelieved;
  const std::int32_t ahead = own.ahead(segment.sequence);
  return 0 < ahead && ahead <= static_cast<std::int32_t>(kReach) ? Reset::kDoubtful : Reset::kIgnored;
}

}  // namespace tidegate::inspect
