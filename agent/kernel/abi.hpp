// SPDX-License-Identifier: Apache-2.0
// Conversions between the agent's types and those of bpf/abi.
#pragma once

#include <cstdint>
#include <optional>

#include "agent/base/address.hpp"
#include "agent/base/clock.hpp"
#include "bpf/abi/hash.h"
#include "bpf/abi/state.h"

namespace tidegate::kernel {

inline tg_address to_abi(const Address& address) { return {.hi = address.hi, .lo = address.lo}; }

// CLOCK_MONOTONIC ns as the datapath compares it; none is TG_NEVER.
inline std::uint64_t to_abi(std::optional<MonotonicTime> expires) {
  return expires ? static_cast<std::uint64_t>(expires->count()) : TG_NEVER;
}

inline std::uint64_t prefix_key(const tg_identity& identity, const Prefix& prefix) {
  return tg_prefix_key(identity.seed, to_abi(prefix.address), prefix.length);
}

}  // namespace tidegate::kernel
