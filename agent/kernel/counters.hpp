// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "agent/kernel/datapath.hpp"
#include "agent/kernel/maps.hpp"

namespace tidegate::kernel {

// Reads per-CPU counters and sums them: of these service slots, of these interfaces, and the faults.
// What cannot be read counts as zero.
Counters read_counters(const MapSet& maps, const std::vector<unsigned>& slots, const std::vector<unsigned>& ifindexes);

}  // namespace tidegate::kernel
