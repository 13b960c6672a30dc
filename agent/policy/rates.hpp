// SPDX-License-Identifier: Apache-2.0
// Rates that the compiler needs beside compile.hpp's to_gcra.
#pragma once

#include <chrono>
#include <cstdint>

#include "agent/base/error.hpp"
#include "agent/base/units.hpp"
#include "bpf/abi/config.h"

namespace tidegate::policy {

// An explicit byte burst must hold one full Ethernet frame; an omitted one holds a jumbo frame, because the compiler
// does not know the MTU.
inline constexpr std::uint64_t kEthernetFrame = 1518;
inline constexpr std::uint64_t kJumboFrame = 9216;

inline constexpr Rate kDefaultCeiling{1'000'000, std::chrono::seconds(1)};  // of safelist entries, proxies and replies

// Never conforms: a cost above the burst. A cost of 0 would mean unlimited.
inline constexpr tg_rate kNothing{.cost = 1, .burst = 0};

// `share` (0 … 1) of a packet rate with one second's worth as burst; kNothing for a share of nothing.
Result<tg_rate> share_of(const Rate& rate, double share, std::chrono::nanoseconds tick);

}  // namespace tidegate::policy
