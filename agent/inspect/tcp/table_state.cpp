// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tcp/table_state.hpp"

#include <algorithm>

namespace tidegate::inspect {
namespace {

constexpr std::chrono::seconds kHandshake{30};
constexpr std::size_t kExpiredPerCall = 4096;  // of each kind
constexpr std::size_t kFewest = 16;
constexpr std::uint64_t kMostSynData = 1 << 20;
// Holes that a client never fills must not take the memory that others' keys and requests need.
constexpr std::uint64_t kReorderPart = 4;

bool carries(const Segment& segment) { return !segment.payload.empty() || segment.cut > 0; }

}  // namespace

ConnectionTable::State::State(const ConnectionTableLimits& table_limits, ConnectionOwner& table_owner,
                              MemoryBudget& memory, Counters& table_counters)
    : limits_(table_limits),
      owner_(table_owner),
      counters_(table_counters),
      syn_data_(memory, kMostSynData),
      reorder_(memory, memory.limit() / kReorderPart),
      context_{table_limits.out_of_order_bytes, reorder_, table_counters},
      map_(table_limits.connections + most(EntryKind::kHalfOpen) + most(EntryKind::kIgnored) +
           most(EntryKind::kClosed)) {}

std::size_t ConnectionTable::State::followed() const {
  return map_.count(EntryKind::kUnproven) + map_.count(EntryKind::kProven) + map_.count(EntryKind::kResetting);
}

void ConnectionTable::State::add(const Segment& segment) {
  const DirectedKey directed = key_of(segment.source, segment.destination);
  const std::uint64_t hash = map_.hash(directed.key);
  Entry* const entry = map_.find(directed.key, hash);
  const bool is_wrong = segment.checksum == Checksum::kWrong;
  if (!segment.ack && !segment.syn && !segment.rst) return;  // no receiver takes it (RFC 9293, 3.10.7.4)
  if (is_wrong || (entry != nullptr && !is_credible(*entry, segment, directed.from_high))) {
    return doubt(entry, segment, directed.from_high);
  }
  busy_ = true;
  if (entry == nullptr) {
    arrive(segment, directed, hash);
  } else if (entry->followed()) {
    follow(*entry, segment, directed.from_high);
  } else if (entry->kind == EntryKind::kHalfOpen) {
    open_further(*entry, segment, directed.from_high);
  } else {
    reconsider(*entry, segment, directed.from_high);
  }
  busy_ = false;
  if (!pending_.empty()) finish_pending(segment.time);
}

// Who left out the first checksum that could be judged leaves out all of them, and is believed. Who filled it in does
// so with all.
bool ConnectionTable::State::is_credible(Entry& entry, const Segment& segment, bool from_high) {
  if (segment.checksum == Checksum::kUnknown) return true;
  const bool right = segment.checksum == Checksum::kRight;
  ChecksumHabit& habit = entry.checksums[from_high ? 1 : 0];
  if (habit == ChecksumHabit::kUntold) habit = right ? ChecksumHabit::kFillsIn : ChecksumHabit::kLeavesOut;
  return right || habit == ChecksumHabit::kLeavesOut;
}

// Where the kernel has told that the checksum was to be right, the receiver drops the segment; a file leaves some
// doubt.
void ConnectionTable::State::doubt(Entry* entry, const Segment& segment, bool from_high) {
  counters_.add(Counter::kBadChecksum);
  if (segment.checksum == Checksum::kWrong || entry == nullptr || !entry->followed()) return;
  entry->connection->doubt(context_, entry->direction(from_high), segment);
}

// A bare ACK, FIN or RST of a connection that is not known leaves nothing to follow.
void ConnectionTable::State::arrive(const Segment& segment, const DirectedKey& directed, std::uint64_t hash) {
  if (segment.rst || (!segment.syn && !carries(segment))) return;
  make_room(EntryKind::kHalfOpen, segment.time);
  Entry& entry = map_.insert(directed.key, hash, EntryKind::kHalfOpen, segment.time);
  static_cast<void>(is_credible(entry, segment, directed.from_high));  // the first one is; what it tells is kept
  if (segment.syn) {
    segment.ack ? answer(entry, segment, directed.from_high) : begin(entry, segment, directed.from_high);
    return;
  }
  entry.server_is_high = server_is_destination(segment) != directed.from_high;
  open_further(entry, segment, directed.from_high);
}

bool ConnectionTable::State::server_is_destination(const Segment& segment) const {
  const bool destination = owner_.is_server(segment.destination);
  if (destination != owner_.is_server(segment.source)) return destination;
  return segment.destination.port <= segment.source.port;
}

// A SYN. Once the server answered one, only its answer to another makes that one count.
void ConnectionTable::State::begin(Entry& entry, const Segment& syn, bool from_high) {
  Opening& opening = entry.opening;
  if (entry.kind == EntryKind::kHalfOpen) {
    map_.touch(entry, syn.time);
    const bool again = opening.client == syn.sequence && entry.direction(from_high) == Direction::kToServer;
    if (again || (opening.client && opening.server)) return;
  } else {
    make_room(EntryKind::kHalfOpen, syn.time);
    map_.move(entry, EntryKind::kHalfOpen, syn.time);
  }
  entry.server_is_high = !from_high;
  opening = {.client = syn.sequence, .client_scale = syn.scale.value_or(Opening::kNoScale)};
  opening.data = SynData::keep(syn.payload, syn_data_);
}

void ConnectionTable::State::answer(Entry& entry, const Segment& syn_ack, bool from_high) {
  if (entry.kind == EntryKind::kHalfOpen) {
    map_.touch(entry, syn_ack.time);
  } else {
    make_room(EntryKind::kHalfOpen, syn_ack.time);
    map_.move(entry, EntryKind::kHalfOpen, syn_ack.time);
  }
  entry.server_is_high = from_high;
  entry.opening.answer(syn_ack);
}

void ConnectionTable::State::open_further(Entry& entry, const Segment& segment, bool from_high) {
  const Direction direction = entry.direction(from_high);
  const bool from_client = direction == Direction::kToServer;
  if (segment.rst) {
    if (entry.opening.reset_by(segment, from_client)) map_.erase(entry);
    return;
  }
  if (segment.syn) {
    segment.ack ? answer(entry, segment, from_high) : begin(entry, segment, from_high);
    return;
  }
  if (!carries(segment) && !(from_client && entry.opening.completed_by(segment))) return;
  Opening& opening = entry.opening;
  if (from_client && opening.contradicted_by(segment)) return;
  // A SYN that nobody answered may be anybody's; what is said must fit it. Or it is answered still.
  std::optional<std::uint32_t> unfit;
  if (from_client && opening.client && !opening.server && segment.sequence - (*opening.client + 1) > kReach) {
    unfit = opening.client;
    opening = {};
  }
  if (!open(entry, !opening.seen(), segment.time)) return;
  entry.connection->next_client = unfit;
  start_halves(entry, segment, direction);
  follow(entry, segment, from_high);
}

// False: nobody wants it.
bool ConnectionTable::State::open(Entry& entry, bool mid_stream, WallTime time) {
  std::unique_ptr<StreamSink> sink = owner_.open(entry.flow(), mid_stream, time);
  if (sink == nullptr) {
    ignore(entry, time);
    return false;
  }
  make_room_to_follow(time);
  entry.connection = std::make_unique<Connection>(std::move(sink));
  map_.move(entry, EntryKind::kUnproven, time);
  counters_.add(Counter::kConnections);
  if (mid_stream) counters_.add(Counter::kMidStream);
  return true;
}

void ConnectionTable::State::start_halves(Entry& entry, const Segment& segment, Direction direction) {
  Opening& opening = entry.opening;
  Connection& connection = *entry.connection;
  for (const Direction each : {Direction::kToServer, Direction::kToClient}) {
    connection.scale_windows(each, opening.scale(each));
  }
  if (opening.server) connection.server_begins(*opening.server + 1);
  if (!opening.client) return;
  HalfStream& half = connection.half(Direction::kToServer);
  half.start(*opening.client + 1);
  Outlet outlet = connection.outlet(context_, Direction::kToServer, segment.time);
  if (opening.server) half.acknowledge(outlet, *opening.client + 1 + opening.accepted, opening.server_window);
  const Bytes early = opening.early_data(direction == Direction::kToServer ? &segment : nullptr);
  if (!early.empty()) half.add(outlet, *opening.client + 1, early, 0);
  opening.data.reset();
}

void ConnectionTable::State::follow(Entry& entry, const Segment& segment, bool from_high) {
  Connection& connection = *entry.connection;
  const Direction direction = entry.direction(from_high);
  map_.touch(entry, segment.time);
  if (segment.rst) return take_reset(entry, segment, direction);
  if (segment.syn || connection.next_client) {
    if (restart_if_answered(entry, segment, direction)) return;
    if (segment.syn) return;
  }
  connection.take(context_, direction, segment);
  const bool goes_on = entry.kind == EntryKind::kResetting && carries(segment);
  const EntryKind known = connection.proven() ? EntryKind::kProven : EntryKind::kUnproven;
  if (entry.kind != known && (goes_on || entry.kind == EntryKind::kUnproven)) map_.move(entry, known, segment.time);
  settle(entry, segment.time);
}

void ConnectionTable::State::take_reset(Entry& entry, const Segment& segment, Direction direction) {
  switch (entry.connection->judge_reset(direction, segment)) {
    case Connection::Reset::kBelieved:
      entry.connection->end(context_, StreamEnd::kReset, segment.time);
      return settle(entry, segment.time);
    case Connection::Reset::kDoubtful:
      return map_.move(entry, EntryKind::kResetting, segment.time);
    case Connection::Reset::kIgnored:
      return;
  }
}

// A SYN on a connection that is followed: its endpoints may have been used again without the end of the old one having
// been seen, or it is a forgery that the server refuses. The server's answer tells; where only the client is seen, the
// client's next bytes do. True: the segment was taken by what is now a new connection.
bool ConnectionTable::State::restart_if_answered(Entry& entry, const Segment& segment, Direction direction) {
  Connection& connection = *entry.connection;
  const bool from_client = direction == Direction::kToServer;
  if (segment.syn && !segment.ack) {
    if (from_client && entry.opening.client != segment.sequence) connection.next_client = segment.sequence;
    return false;
  }
  if (!connection.next_client) return false;
  constexpr std::uint32_t kMostSynData = 65'535;
  const std::uint32_t first = *connection.next_client + 1;
  const bool answered = segment.syn && !from_client && segment.acknowledged - first <= kMostSynData;
  const bool alone = !connection.half(Direction::kToClient).started() && from_client && segment.sequence == first;
  if (!answered && !(alone && carries(segment))) return false;
  end_connection(entry, StreamEnd::kEvicted, segment.time);
  make_room(EntryKind::kHalfOpen, segment.time);
  map_.move(entry, EntryKind::kHalfOpen, segment.time);
  entry.opening = {.client = first - 1};
  open_further(entry, segment, from_client != entry.server_is_high);
  return true;
}

// What is ignored or has ended: only a new SYN makes it interesting again.
void ConnectionTable::State::reconsider(Entry& entry, const Segment& segment, bool from_high) {
  const bool closed = entry.kind == EntryKind::kClosed;
  if (!closed) map_.touch(entry, segment.time);
  if (!segment.syn || segment.rst) return;
  if (segment.ack) {
    if (closed && entry.opening.server != segment.sequence) answer(entry, segment, from_high);
  } else if (entry.opening.client != segment.sequence || entry.direction(from_high) == Direction::kToClient) {
    begin(entry, segment, from_high);
  }
}

void ConnectionTable::State::settle(Entry& entry, WallTime now) {
  if (entry.connection->given_up()) {
    end_connection(entry, StreamEnd::kEvicted, now);
    ignore(entry, now);
  } else if (entry.connection->ended()) {
    entry.connection.reset();
    make_room(EntryKind::kClosed, now);
    map_.move(entry, EntryKind::kClosed, now);
  }
}

// Afterwards the entry is not followed, and the caller says what it is instead.
void ConnectionTable::State::end_connection(Entry& entry, StreamEnd how, WallTime now) {
  entry.connection->end(context_, how, now);
  entry.connection.reset();
}

void ConnectionTable::State::ignore(Entry& entry, WallTime now) {
  entry.opening.data.reset();
  make_room(EntryKind::kIgnored, now);
  map_.move(entry, EntryKind::kIgnored, now);
}

void ConnectionTable::State::give_up(const Flow& flow, WallTime now) {
  const FlowKey key = key_of(flow.client, flow.server).key;
  Entry* entry = map_.find(key, map_.hash(key));
  if (entry == nullptr || !entry->followed() || entry->connection->given_up()) return;
  entry->connection->give_up();
  pending_.push_back(key);
  if (!busy_) finish_pending(now);
}

// Ends what was given up. That may give up more.
void ConnectionTable::State::finish_pending(WallTime now) {
  busy_ = true;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const FlowKey key = pending_[i];
    Entry* entry = map_.find(key, map_.hash(key));
    if (entry != nullptr && entry->followed() && entry->connection->given_up()) settle(*entry, now);
  }
  pending_.clear();
  busy_ = false;
}

void ConnectionTable::State::expire(WallTime now) {
  busy_ = true;
  expire_kind(EntryKind::kHalfOpen, std::min(kHandshake, limits_.idle), std::nullopt, now);
  expire_kind(EntryKind::kUnproven, limits_.idle, Counter::kEvictedIdle, now);
  expire_kind(EntryKind::kProven, limits_.idle, Counter::kEvictedIdle, now);
  expire_kind(EntryKind::kResetting, limits_.idle_closed, std::nullopt, now);
  expire_kind(EntryKind::kIgnored, limits_.idle, std::nullopt, now);
  expire_kind(EntryKind::kClosed, limits_.idle_closed, std::nullopt, now);
  busy_ = false;
  if (!pending_.empty()) finish_pending(now);
}

void ConnectionTable::State::forget_unproven(std::chrono::seconds idle, WallTime now) {
  busy_ = true;
  expire_kind(EntryKind::kUnproven, idle, Counter::kEvictedMemory, now);
  busy_ = false;
  if (!pending_.empty()) finish_pending(now);
}

void ConnectionTable::State::expire_kind(EntryKind kind, std::chrono::nanoseconds idle, std::optional<Counter> counter,
                                         WallTime now) {
  for (std::size_t i = 0; i < kExpiredPerCall; ++i) {
    Entry* entry = map_.oldest(kind);
    if (entry == nullptr || now - entry->seen < idle) return;
    if (counter) counters_.add(*counter);
    forget(*entry, now);
  }
}

void ConnectionTable::State::forget(Entry& entry, WallTime now) {
  const StreamEnd how = entry.kind == EntryKind::kResetting ? StreamEnd::kReset : StreamEnd::kEvicted;
  if (entry.followed()) end_connection(entry, how, now);
  map_.erase(entry);
}

void ConnectionTable::State::finish(WallTime now) {
  busy_ = true;
  for (std::size_t kind = 1; kind < kEntryKinds; ++kind) {
    while (Entry* entry = map_.oldest(static_cast<EntryKind>(kind))) forget(*entry, now);
  }
  pending_.clear();
  busy_ = false;
}

void ConnectionTable::State::make_room(EntryKind kind, WallTime now) {
  if (map_.count(kind) >= most(kind)) forget(*map_.oldest(kind), now);
}

// Those that one side alone may have made up go first.
void ConnectionTable::State::make_room_to_follow(WallTime now) {
  if (followed() < std::max<std::size_t>(limits_.connections, 1)) return;
  for (const EntryKind kind : {EntryKind::kUnproven, EntryKind::kResetting, EntryKind::kProven}) {
    if (Entry* entry = map_.oldest(kind)) {
      counters_.add(Counter::kEvictedMemory);
      return forget(*entry, now);
    }
  }
}

std::size_t ConnectionTable::State::most(EntryKind kind) const {
  switch (kind) {
    case EntryKind::kHalfOpen:
      return std::max(limits_.connections / 2, kFewest);
    case EntryKind::kClosed:
      return std::max(limits_.connections / 4, kFewest);
    default:
      return std::max(limits_.connections, kFewest);
  }
}

}  // namespace tidegate::inspect
