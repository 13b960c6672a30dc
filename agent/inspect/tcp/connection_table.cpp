// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tcp/connection_table.hpp"

#include "agent/inspect/tcp/table_state.hpp"

namespace tidegate::inspect {

ConnectionTable::ConnectionTable(const ConnectionTableLimits& limits, ConnectionOwner& owner, MemoryBudget& budget,
                                 Counters& counters)
    : state_(std::make_unique<State>(limits, owner, budget, counters)) {}
ConnectionTable::~ConnectionTable() = default;

void ConnectionTable::add(const Segment& segment) { state_->add(segment); }
void ConnectionTable::expire(WallTime now) { state_->expire(now); }
void ConnectionTable::forget_unproven(std::chrono::seconds idle, WallTime now) { state_->forget_unproven(idle, now); }
void ConnectionTable::finish(WallTime now) { state_->finish(now); }
void ConnectionTable::give_up(const Flow& flow, WallTime now) { state_->give_up(flow, now); }
std::size_t ConnectionTable::size() const { return state_->followed(); }

}  // namespace tidegate::inspect
