// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/base/error.hpp"

namespace tidegate::inspect::sandbox {

// Loads the system call filter into every thread of the process. `feed`: a second descriptor that can be sent on; it
// has to differ from `channel` in exactly one bit. -1: none.
Status load_filter(int channel, int feed);

}  // namespace tidegate::inspect::sandbox
