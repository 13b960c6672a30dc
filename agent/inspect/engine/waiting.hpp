// SPDX-License-Identifier: Apache-2.0
// Which connections wait for keys, found by what arrives.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/inspect/keys/key_store.hpp"

namespace tidegate::inspect {

// One that waits. Both calls may end its waiting.
class Waiter {
 public:
  Waiter() = default;
  virtual ~Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  virtual void keys_arrived(WallTime now) = 0;
  virtual void time_passed(WallTime now) = 0;

 private:
  friend class WaitingFlows;
  static constexpr std::size_t kNowhere = ~std::size_t{0};
  std::size_t place_ = kNowhere;
  std::uint64_t key_ = 0;
};

// Used by one thread. A waiter leaves before it dies.
class WaitingFlows {
 public:
  // `seed`: unknown to those who choose client randoms and ports.
  explicit WaitingFlows(std::uint64_t seed) : seed_(seed) {}

  // By the client random when it is known, else by the endpoints. Again: what it waits for now counts.
  void add(Waiter& waiter, const std::optional<ClientRandom>& random, const Flow& flow);
  void remove(Waiter& waiter);
  bool has(const Waiter& waiter) const { return waiter.place_ != Waiter::kNowhere; }

  void arrived(const KeyStore::Arrival& arrival, WallTime now);
  void everything_may_have_arrived(WallTime now);
  void time_passed(WallTime now);
  std::size_t size() const { return waiters_.size(); }

 private:
  // Connections that repeat another one's client random are found up to this many; the others wait in vain.
  static constexpr std::size_t kMostOfOneKey = 8;

  std::uint64_t key_of(const ClientRandom& random) const;
  std::uint64_t key_of(const Flow& flow) const;
  void wake(std::uint64_t key, WallTime now);

  std::uint64_t seed_;
  std::vector<Waiter*> waiters_;
  std::unordered_map<std::uint64_t, std::vector<Waiter*>> by_key_;
};

}  // namespace tidegate::inspect
