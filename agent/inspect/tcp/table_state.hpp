// SPDX-License-Identifier: Apache-2.0
// The life of a connection, from its first segment to being forgotten.
#pragma once

#include <optional>
#include <vector>

#include "agent/inspect/tcp/connection_table.hpp"
#include "agent/inspect/tcp/flow_map.hpp"

namespace tidegate::inspect {

struct ConnectionTable::State {
  State(const ConnectionTableLimits& table_limits, ConnectionOwner& table_owner, MemoryBudget& memory,
        Counters& table_counters);

  void add(const Segment& segment);
  void expire(WallTime now);
  void forget_unproven(std::chrono::seconds idle, WallTime now);
  void finish(WallTime now);
  void give_up(const Flow& flow, WallTime now);
  std::size_t followed() const;

 private:
  // By what is remembered of the endpoints.
  void arrive(const Segment& segment, const DirectedKey& key, std::uint64_t hash);
  void open_further(Entry& entry, const Segment& segment, bool from_high);
  void follow(Entry& entry, const Segment& segment, bool from_high);
  void reconsider(Entry& entry, const Segment& segment, bool from_high);

  static bool is_credible(Entry& entry, const Segment& segment, bool from_high);
  void doubt(Entry* entry, const Segment& segment, bool from_high);

  void begin(Entry& entry, const Segment& syn, bool from_high);
  void answer(Entry& entry, const Segment& syn_ack, bool from_high);
  bool restart_if_answered(Entry& entry, const Segment& segment, Direction direction);
  bool open(Entry& entry, bool mid_stream, WallTime time);
  void start_halves(Entry& entry, const Segment& segment, Direction direction);
  void take_reset(Entry& entry, const Segment& segment, Direction direction);
  bool server_is_destination(const Segment& segment) const;

  void settle(Entry& entry, WallTime now);
  void end_connection(Entry& entry, StreamEnd how, WallTime now);
  void ignore(Entry& entry, WallTime now);
  void finish_pending(WallTime now);
  void expire_kind(EntryKind kind, std::chrono::nanoseconds idle, std::optional<Counter> counter, WallTime now);
  void forget(Entry& entry, WallTime now);
  // Makes a place among entries of a kind, or among followed connections.
  void make_room(EntryKind kind, WallTime now);
  void make_room_to_follow(WallTime now);
  std::size_t most(EntryKind kind) const;

  ConnectionTableLimits limits_;
  ConnectionOwner& owner_;
  Counters& counters_;
  MemoryShare syn_data_;  // before the map, whose entries give it back
  MemoryShare reorder_;
  TcpContext context_;
  FlowMap map_;
  bool busy_ = false;             // within a call of a sink or of the owner
  std::vector<FlowKey> pending_;  // given up meanwhile; each once
};

}  // namespace tidegate::inspect
