// SPDX-License-Identifier: Apache-2.0
// Sessions and accounts that rules block: their connections, one by one, for no address stands for them.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/base/guarded.hpp"
#include "agent/control/enforcement.hpp"
#include "agent/control/environment.hpp"
#include "agent/control/identity_index.hpp"
#include "agent/decisions/guard.hpp"

namespace tidegate::control {

// One that is blocked, as it can be shown.
struct BlockedIdentity {
  std::int64_t id = 0;
  std::string rule;
  std::string service;       // where it is recognised; "": in every inspected service
  behavior::FindingKey key;  // without any part: of an earlier agent, recognised by nobody any more
  std::string reason;        // what the rule saw
  WallTime created;
  WallTime expires;
  std::uint64_t connections_blocked = 0;        // since it was made
  std::uint64_t behind_proxy = 0;               // requests through a trusted proxy, on which nothing can be done here
  std::vector<kernel::Connection> connections;  // blocked now, the oldest first

  std::string origin() const { return "rule:" + rule; }
  std::string target() const;  // "session 00112233…"
};
kernel::Connection connection_of(const inspect::Flow& flow);
// "198.51.100.7:40000 to 192.0.2.1:443".
std::string format(const kernel::Connection& connection);

// Thread-safe. In memory only, for so are the keys of the hashes. What it put into the datapath outlives it until it
// expires, and is found there by the next one, which can show and remove it but recognises nobody by it.
class IdentityBlocks {
 public:
  // Ids of decisions in the store are below: these are milliseconds since 1970, or as many more as are needed to be
  // different.
  static constexpr std::int64_t kFirstId = 1'000'000'000'000;
  static constexpr std::size_t kMost = 8192;
  // Of one identity at a time: the oldest makes room, because its connection is over, or is blocked again at its next
  // request.
  static constexpr std::size_t kMostConnections = 1024;
  static constexpr std::size_t kMostWaiting = 1024;

  IdentityBlocks(const Environment& environment, const Enforcement& enforcement);

  // Blocks whom a finding is about, and the connection that it was made on. Again by the same rule: for the new time.
  // The lock-out guard, the safelist and trusted proxies hold for the client of the connection. kResourceExhausted:
  // no room, nothing is blocked.
  Status block(const behavior::Finding& finding);

  // Whether follow() has something to do after this request. One whose address may be forged is none: who blocks
  // himself could have others' connections dropped by his cookie. Only compares, so that the thread that brings
  // summaries goes on at once; nothing but a load while nobody is blocked.
  bool look(const inspect::Summary& summary);
  // Blocks the connections on which blocked ones were seen again, as far as they are known when it begins. Whether
  // there are more now.
  bool follow();

  std::vector<BlockedIdentity> list() const;
  // Those of which a connection of this client is blocked.
  std::vector<BlockedIdentity> of_client(const Prefix& client) const;
  // Returns what is gone, with its connections.
  std::vector<BlockedIdentity> remove(const std::vector<std::int64_t>& ids);
  std::vector<BlockedIdentity> remove_origin(const std::string& origin);

  // Takes over what an earlier agent left in the datapath.
  void start();
  // Forgets what has expired; every second or so.
  void tick();

  std::size_t size() const { return size_.load(std::memory_order_relaxed); }
  // Connections that could not be blocked for want of room, in the datapath or among those that wait for it, and why,
  // since start.
  struct Refused {
    std::uint64_t count = 0;
    std::string why;
  };
  Refused refused() const { return state_.lock()->refused; }

 private:
  struct Entry {
    BlockedIdentity shown;  // without expiry and connections
    MonotonicTime until{0};
    std::deque<kernel::Connection> connections;
    behavior::Finding finding;  // that made it, or lengthened it last
  };
  // A connection on which blocked ones were seen.
  struct Sighting {
    std::vector<std::int64_t> ids;
    kernel::Connection connection;
    bool behind_proxy = false;
    // Of the request, when it came through a trusted proxy.
    WallTime time{};
    std::string service{};
    inspect::Flow flow{};
    std::optional<Address> named{};
    std::optional<Prefix> source{};
  };
  // By which the source of a request is made out.
  struct View {
    explicit View(std::shared_ptr<const InForce> in_force);
    std::shared_ptr<const InForce> policy;
    behavior::Settings settings;
    behavior::PrefixSet proxies;
    const behavior::Aliases aliases{};  // nothing here is counted by hashes
  };
  struct State {
    explicit State(const behavior::HashSeed& seed) : index(seed) {}
    std::map<std::int64_t, Entry> entries;
    IdentityIndex index;
    std::map<kernel::Connection, std::vector<std::int64_t>> owners;
    std::deque<Sighting> waiting;
    std::set<kernel::Connection> awaited;  // the connections in `waiting`, or being blocked now
    std::unique_ptr<View> view;
    std::int64_t last_id = kFirstId;
    Refused refused;
    std::uint64_t spared = 0;  // connections of clients that the guard protects
  };
  // What the datapath has to be told of connections; none: they are not blocked any more.
  using Change = std::map<kernel::Connection, std::optional<kernel::FlowBlock>>;

  void consider(State& state, std::int64_t id, const behavior::FindingKey& key, const behavior::Facts& request,
                Sighting& sighting);
  Result<std::int64_t> enter(State& state, const behavior::Finding& finding, MonotonicTime until, Change& change);
  void own(State& state, std::int64_t id, const kernel::Connection& connection, Change& change);
  void disown(State& state, std::int64_t id, const kernel::Connection& connection, Change& change);
  void put_again(const State& state, const kernel::Connection& connection, Change& change) const;
  BlockedIdentity take_out(State& state, std::int64_t id, Change& change);
  void drop_expired(State& state, Change& change);
  template <typename Chosen>
  std::vector<BlockedIdentity> remove_if(const Chosen& chosen);
  // With changing_ held.
  void block_connection(std::int64_t id, const kernel::Connection& connection);
  void act(const Sighting& sighting);
  void report(std::int64_t id, const Sighting& sighting);
  Status carry_out(const Change& change);
  Status guard(const Address& client, bool fresh);
  void refuse(std::int64_t id, const kernel::Connection& connection, const Error& error);
  BlockedIdentity shown(const Entry& entry) const;

  const Environment& env_;
  const Enforcement& enforcement_;
  std::mutex changing_;                      // so that the datapath follows `state_` in its order; taken before it
  std::unique_ptr<decisions::Guard> guard_;  // with changing_
  MonotonicTime guard_until_{0};
  mutable Guarded<State> state_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace tidegate::control
