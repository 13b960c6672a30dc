// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/base/error.hpp"

namespace tidegate::inspect::sandbox {

// Loads the system call filter into every thread of the process.
Status load_filter(int channel);

}  // namespace tidegate::inspect::sandbox
