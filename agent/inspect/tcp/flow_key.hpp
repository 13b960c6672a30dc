// SPDX-License-Identifier: Apache-2.0
// What connections are looked up by: their endpoints, whoever sent.
#pragma once

#include <array>
#include <cstdint>

#include "agent/inspect/model/flow.hpp"

namespace tidegate::inspect {

// The two endpoints in an order of their own (not client and server), so that both directions have one key.
struct FlowKey {
  std::array<std::uint64_t, 5> words;  // lower address, higher address, both ports

  Endpoint low() const;
  Endpoint high() const;
  friend bool operator==(const FlowKey&, const FlowKey&) = default;
};

struct DirectedKey {
  FlowKey key;
  bool from_high;  // the higher endpoint is the sender
};

DirectedKey key_of(const Endpoint& source, const Endpoint& destination);

// SipHash-1-3 under a key of its own: attackers choose addresses and ports, and must not choose buckets.
class FlowHash {
 public:
  FlowHash();  // a random key
  explicit FlowHash(std::array<std::uint64_t, 2> key) : key_(key) {}
  std::uint64_t operator()(const FlowKey& key) const;

 private:
  std::array<std::uint64_t, 2> key_;
};

}  // namespace tidegate::inspect
