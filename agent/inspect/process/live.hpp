// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/base/clock.hpp"
#include "agent/inspect/process/prologue.hpp"

namespace tidegate::inspect::process {

// Enters the sandbox, answers Ready, and works until Stop or until the agent has gone. An error: it could not begin.
Status run_live(wire::Channel& channel, Beginning beginning, const Clock& clock);

}  // namespace tidegate::inspect::process
