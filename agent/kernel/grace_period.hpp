// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/base/error.hpp"

namespace tidegate::kernel {

// True when this kernel lets membarrier(MEMBARRIER_CMD_GLOBAL) wait for a grace period (it does not with nohz_full).
bool has_global_membarrier();

// Returns when every program run that was under way at the call has ended: one RCU grace period, 6 to 16 ms.
// Where membarrier is refused, through an update of a map of maps, after which the kernel does the same wait.
Status wait_for_programs(bool use_membarrier);

}  // namespace tidegate::kernel
