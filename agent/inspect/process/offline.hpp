// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/base/clock.hpp"
#include "agent/inspect/process/prologue.hpp"

namespace tidegate::inspect::process {

// Reads key logs and capture, sends summaries in the order in which requests began, then Finished. What was wrong with
// the input has been said as a Problem; an error: it could not begin.
Status run_offline(wire::Channel& channel, const Beginning& beginning, const Clock& clock);

}  // namespace tidegate::inspect::process
