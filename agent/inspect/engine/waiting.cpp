// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/engine/waiting.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "agent/inspect/model/flow_hash.hpp"

namespace tidegate::inspect {

std::uint64_t WaitingFlows::key_of(const ClientRandom& random) const {
  std::array<std::uint64_t, sizeof(ClientRandom) / sizeof(std::uint64_t)> words{};
  std::memcpy(words.data(), random.data(), sizeof words);
  std::uint64_t hash = seed_;
  for (const std::uint64_t word : words) hash = mix64(hash ^ word);
  return hash;
}

std::uint64_t WaitingFlows::key_of(const Flow& flow) const { return flow_hash(flow, ~seed_); }

void WaitingFlows::add(Waiter& waiter, const std::optional<ClientRandom>& random, const Flow& flow) {
  const std::uint64_t key = random ? key_of(*random) : key_of(flow);
  if (has(waiter) && waiter.key_ == key) return;
  remove(waiter);  // a renegotiation waits for another random than the handshake before it
  waiter.place_ = waiters_.size();
  waiter.key_ = key;
  waiters_.push_back(&waiter);
  std::vector<Waiter*>& same = by_key_[waiter.key_];
  if (same.size() < kMostOfOneKey) same.push_back(&waiter);
}

void WaitingFlows::remove(Waiter& waiter) {
  if (!has(waiter)) return;
  waiters_.back()->place_ = waiter.place_;
  waiters_[waiter.place_] = waiters_.back();
  waiters_.pop_back();
  waiter.place_ = Waiter::kNowhere;
  const auto found = by_key_.find(waiter.key_);
  if (found == by_key_.end()) return;
  std::erase(found->second, &waiter);
  if (found->second.empty()) by_key_.erase(found);
}

// A waiter may leave while it is called, and nobody else.
void WaitingFlows::wake(std::uint64_t key, WallTime now) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  const std::vector<Waiter*> same = found->second;
  for (Waiter* waiter : same) waiter->keys_arrived(now);
}

void WaitingFlows::arrived(const KeyStore::Arrival& arrival, WallTime now) {
  if (waiters_.empty()) return;
  wake(key_of(arrival.random), now);
  if (arrival.flow) wake(key_of(*arrival.flow), now);
}

void WaitingFlows::everything_may_have_arrived(WallTime now) {
  for (std::size_t i = waiters_.size(); i-- > 0;) waiters_[i]->keys_arrived(now);
}

void WaitingFlows::time_passed(WallTime now) {
  for (std::size_t i = waiters_.size(); i-- > 0;) waiters_[i]->time_passed(now);
}

}  // namespace tidegate::inspect
