// SPDX-License-Identifier: Apache-2.0
// Which share of the connections a connection belongs to. The same for both directions, so that whole connections are
// taken or left; simple enough to be computed by a socket filter too.
#pragma once

#include <cstdint>

#include "agent/inspect/model/flow.hpp"

namespace tidegate::inspect {

// The finaliser of SplitMix64: every input bit reaches every output bit.
constexpr std::uint64_t mix64(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

// `seed` is secret where an attacker must not choose connections that are never looked at.
constexpr std::uint64_t flow_hash(const Flow& flow, std::uint64_t seed) {
  const auto end = [seed](const Endpoint& endpoint) {
    return mix64(endpoint.address.hi ^ mix64(endpoint.address.lo ^ mix64(endpoint.port ^ seed)));
  };
  return mix64(end(flow.client) + end(flow.server));
}

// Whether a hash lies in the first `share` (0 to 1) of all.
constexpr bool in_share(std::uint64_t hash, double share) {
  return static_cast<double>(hash >> 32) < share * 4294967296.0;
}

}  // namespace tidegate::inspect
