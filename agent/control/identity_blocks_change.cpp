// SPDX-License-Identifier: Apache-2.0
// Blocked sessions and accounts: what changes, here and in the datapath.
#include <algorithm>
#include <bit>

#include "agent/control/decision_details.hpp"
#include "agent/control/guards.hpp"
#include "agent/control/identity_blocks.hpp"

namespace tidegate::control {
namespace {

using telemetry::EventKind;

constexpr std::chrono::seconds kGuardLasts{5};  // for connections of who is blocked already
constexpr std::uint64_t kNotes = 8;             // of the connections of one identity, then ever fewer

constexpr std::uint64_t kLastId = 9'000'000'000'000;  // what is later is not a time in nanoseconds

bool is_worth_a_note(std::uint64_t count) { return count <= kNotes || std::has_single_bit(count); }

}  // namespace

Status IdentityBlocks::guard(const Address& client, bool fresh) {
  if (!guard_ || fresh || env_.clock.monotonic() >= guard_until_) {
    TIDEGATE_ASSIGN(auto facts, guard_now(env_, enforcement_, {}));
    guard_ = std::make_unique<decisions::Guard>(std::move(facts));
    guard_until_ = env_.clock.monotonic() + kGuardLasts;
  }
  return guard_->check(Prefix::host(client), decisions::Action::kBlock);
}

// The time of the finding bounds nothing by itself: it comes out of the sandbox.
Status IdentityBlocks::block(const behavior::Finding& finding) {
  const WallTime now = env_.clock.wall();
  const auto left = std::min(finding.time, now) + finding.duration - now;
  if (left <= std::chrono::nanoseconds(0)) return {};
  const auto connection = connection_of(finding.flow);
  const std::lock_guard changing(changing_);
  TIDEGATE_TRY(guard(connection.client, true));
  Change change;
  std::int64_t id = 0;
  BlockedIdentity made;
  {
    auto state = state_.lock();
    TIDEGATE_ASSIGN(id, enter(*state, finding, env_.clock.monotonic() + left, change));
    made = state->entries.at(id).shown;
  }
  TIDEGATE_TRY(carry_out(change));
  auto detail = detail_of(finding, telemetry::DecisionDetail::Change::kMade);
  detail.id = id;
  detail.created = made.created;
  detail.expires = now + left;
  detail.target.reset();  // its source has a decision of its own, where it has one
  env_.telemetry.note(EventKind::kDecision, "block " + made.target() + " by " + made.origin() + ": " + made.reason,
                      std::move(detail));
  block_connection(id, connection);
  return {};
}

Result<std::int64_t> IdentityBlocks::enter(State& state, const behavior::Finding& finding, MonotonicTime until,
                                           Change& change) {
  std::int64_t id = 0;
  state.index.find(finding.key, [&](std::int64_t candidate, const behavior::FindingKey& key) {
    const BlockedIdentity& present = state.entries.at(candidate).shown;
    if (present.key == key && present.rule == finding.rule && present.service == finding.scope) id = candidate;
  });
  if (id == 0 && state.entries.size() >= kMost) drop_expired(state, change);
  if (id == 0 && state.entries.size() >= kMost) {
    return fail(ErrorCode::kResourceExhausted, "as many sessions and accounts are blocked as there is room for (" +
                                                   std::to_string(kMost) + "): delete decisions of rules");
  }
  if (id == 0) {
    const auto clock = std::chrono::duration_cast<std::chrono::milliseconds>(env_.clock.wall().time_since_epoch());
    id = state.last_id = std::max<std::int64_t>(state.last_id + 1, clock.count());
    state.index.add(finding.key, id);
    BlockedIdentity& made = state.entries[id].shown;
    made.id = id;
    made.rule = finding.rule;
    made.service = finding.scope;
    made.key = finding.key;
    made.created = env_.clock.wall();
    size_ = state.entries.size();
  }
  Entry& entry = state.entries.at(id);
  entry.until = until;
  entry.shown.reason = describe(finding);
  entry.finding = finding;
  for (const auto& connection : entry.connections) put_again(state, connection, change);
  return id;
}

// A connection may belong to several: it stays blocked until the last of them ends.
void IdentityBlocks::put_again(const State& state, const kernel::Connection& connection, Change& change) const {
  const Entry* last = nullptr;
  for (const std::int64_t id : state.owners.at(connection)) {
    const Entry& entry = state.entries.at(id);
    if (last == nullptr || entry.until > last->until) last = &entry;
  }
  change[connection] = {.connection = connection,
                        .expires = last->until,
                        .decision = static_cast<std::uint64_t>(last->shown.id),
                        .rule = last->shown.rule};
}

void IdentityBlocks::own(State& state, std::int64_t id, const kernel::Connection& connection, Change& change) {
  Entry& entry = state.entries.at(id);
  auto& owners = state.owners[connection];
  if (std::find(owners.begin(), owners.end(), id) == owners.end()) {
    owners.push_back(id);
    entry.connections.push_back(connection);
  }
  if (entry.connections.size() > kMostConnections)
    disown(state, id, kernel::Connection(entry.connections.front()), change);
  put_again(state, connection, change);
}

void IdentityBlocks::disown(State& state, std::int64_t id, const kernel::Connection& connection, Change& change) {
  std::erase(state.entries.at(id).connections, connection);
  const auto found = state.owners.find(connection);
  if (found == state.owners.end()) return;
  std::erase(found->second, id);
  if (!found->second.empty()) return put_again(state, connection, change);
  change[connection].reset();
  state.owners.erase(found);
}

// Removals first: they make room.
Status IdentityBlocks::carry_out(const Change& change) {
  std::vector<kernel::Connection> removed;
  std::vector<kernel::FlowBlock> put;
  for (const auto& [connection, block] : change) {
    if (block) put.push_back(*block);
    if (!block) removed.push_back(connection);
  }
  if (!removed.empty()) TIDEGATE_TRY(env_.datapath.remove_flow_blocks(removed));
  return put.empty() ? Status{} : env_.datapath.put_flow_blocks(put);
}

void IdentityBlocks::block_connection(std::int64_t id, const kernel::Connection& connection) {
  Change change;
  {
    auto state = state_.lock();
    if (!state->entries.contains(id)) return;  // deleted meanwhile
    own(*state, id, connection, change);
  }
  if (const Status done = carry_out(change); !done) return refuse(id, connection, done.error());
  auto state = state_.lock();
  BlockedIdentity& identity = state->entries.at(id).shown;
  if (!is_worth_a_note(++identity.connections_blocked)) return;
  env_.telemetry.note(EventKind::kDecision, "block connection " + format(connection) + " of " + identity.target() +
                                                " by " + identity.origin() + ", number " +
                                                std::to_string(identity.connections_blocked));
}

void IdentityBlocks::refuse(std::int64_t id, const kernel::Connection& connection, const Error& error) {
  Change change;
  auto state = state_.lock();
  disown(*state, id, connection, change);
  const bool full = error.code == ErrorCode::kResourceExhausted;
  if (full) state->refused.why = error.message;
  if (!is_worth_a_note(full ? ++state->refused.count : ++state->spared)) return;
  env_.telemetry.note(EventKind::kWarning, "connection " + format(connection) + " of " +
                                               state->entries.at(id).shown.target() +
                                               " could not be blocked: " + error.message);
}

// As a finding that is not enforced: for whoever can act on the client that the proxy names.
void IdentityBlocks::report(std::int64_t id, const Sighting& sighting) {
  const auto state = state_.lock();
  const auto found = state->entries.find(id);
  if (found == state->entries.end()) return;
  const Entry& entry = found->second;
  behavior::Finding finding = entry.finding;
  finding.key = entry.shown.key;
  finding.time = sighting.time;
  finding.service = sighting.service;
  finding.flow = sighting.flow;
  finding.named = sighting.named;
  finding.target = sighting.source;
  finding.duration = std::chrono::duration_cast<std::chrono::seconds>(entry.until - env_.clock.monotonic());
  finding.source_obstacle = behavior::Obstacle::kNone;
  finding.obstacle = behavior::Obstacle::kTrustedProxy;
  env_.telemetry.note(
      EventKind::kDecision,
      entry.shown.origin() + " would block " + entry.shown.target() +
          ", which came through a trusted proxy; not enforced: " + std::string(explain(finding.obstacle)),
      detail_of(finding, telemetry::DecisionDetail::Change::kReported));
}

void IdentityBlocks::act(const Sighting& sighting) {
  if (sighting.behind_proxy) {
    for (const std::int64_t id : sighting.ids) report(id, sighting);
    return;
  }
  const Status allowed = guard(sighting.connection.client, false);
  for (const std::int64_t id : sighting.ids) {
    if (allowed) block_connection(id, sighting.connection);
    if (!allowed && state_.lock()->entries.contains(id)) refuse(id, sighting.connection, allowed.error());
  }
}

bool IdentityBlocks::follow() {
  for (std::size_t most = state_.lock()->waiting.size(); most > 0; --most) {
    const std::lock_guard changing(changing_);
    Sighting sighting;
    {
      auto state = state_.lock();
      if (state->waiting.empty()) return false;
      sighting = std::move(state->waiting.front());
      state->waiting.pop_front();
    }
    act(sighting);
    state_.lock()->awaited.erase(sighting.connection);
  }
  return !state_.lock()->waiting.empty();
}

BlockedIdentity IdentityBlocks::take_out(State& state, std::int64_t id, Change& change) {
  Entry& entry = state.entries.at(id);
  BlockedIdentity gone = shown(entry);
  entry.connections.clear();
  for (const auto& connection : gone.connections) disown(state, id, connection, change);
  state.index.remove(gone.key, id);
  state.entries.erase(id);
  size_ = state.entries.size();
  return gone;
}

template <typename Chosen>
std::vector<BlockedIdentity> IdentityBlocks::remove_if(const Chosen& chosen) {
  const std::lock_guard changing(changing_);
  Change change;
  std::vector<BlockedIdentity> gone;
  {
    auto state = state_.lock();
    std::vector<std::int64_t> ids;
    for (const auto& [id, entry] : state->entries) {
      if (chosen(entry.shown)) ids.push_back(id);
    }
    for (const std::int64_t id : ids) gone.push_back(take_out(*state, id, change));
  }
  (void)carry_out(change);  // removals, and blocks that are there already: neither wants for room
  return gone;
}

std::vector<BlockedIdentity> IdentityBlocks::remove(const std::vector<std::int64_t>& ids) {
  return remove_if([&](const BlockedIdentity& one) { return std::find(ids.begin(), ids.end(), one.id) != ids.end(); });
}

std::vector<BlockedIdentity> IdentityBlocks::remove_origin(const std::string& origin) {
  return remove_if([&](const BlockedIdentity& one) { return one.origin() == origin; });
}

void IdentityBlocks::drop_expired(State& state, Change& change) {
  std::vector<std::int64_t> expired;
  for (const auto& [id, entry] : state.entries) {
    if (entry.until <= env_.clock.monotonic()) expired.push_back(id);
  }
  for (const std::int64_t id : expired) take_out(state, id, change);
}

void IdentityBlocks::tick() {
  if (size() == 0) return;
  const std::unique_lock changing(changing_, std::try_to_lock);
  if (!changing) return;
  Change change;
  drop_expired(*state_.lock(), change);
  (void)carry_out(change);
}

void IdentityBlocks::start() {
  const std::lock_guard changing(changing_);
  auto state = state_.lock();
  for (const auto& block : env_.datapath.flow_blocks()) {
    if (state->owners.contains(block.connection)) continue;
    const auto id = static_cast<std::int64_t>(std::clamp<std::uint64_t>(block.decision, kFirstId, kLastId));
    auto [found, added] = state->entries.try_emplace(id);
    Entry& entry = found->second;
    if (added) {
      entry.shown.id = id;
      entry.shown.rule = block.rule;
      entry.shown.reason = "decided by an agent that ran before; who it was for and why was in its memory";
      entry.shown.created = WallTime(std::chrono::milliseconds(id));
    }
    entry.until = std::max(entry.until, block.expires);
    ++entry.shown.connections_blocked;
    entry.connections.push_back(block.connection);
    state->owners[block.connection].push_back(id);
    state->last_id = std::max(state->last_id, id);
  }
  size_ = state->entries.size();
}

}  // namespace tidegate::control
