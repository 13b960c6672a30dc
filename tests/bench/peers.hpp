// SPDX-License-Identifier: Apache-2.0
// What others offer for the same job, loaded and ready to run.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/base/error.hpp"
#include "tests/bench/test_run.hpp"

namespace tidegate::bench {

// Programs of our own that say what is possible at all: an unconditional drop, and one that parses first.
Result<Subject> bare_drop();
Result<Subject> parse_and_drop();

// A token bucket per source in an LRU_HASH of 2^20 entries: the way it is usually written.
Result<Subject> gcra_lru_hash();

// Debian's xdp-filter with `count` source addresses from `first` on denied. It is loaded without libxdp's
// dispatcher in front, which favours it. kNotFound: package xdp-tools is not installed.
Result<Subject> xdp_filter(std::uint32_t first, std::uint32_t count);

}  // namespace tidegate::bench
