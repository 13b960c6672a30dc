// SPDX-License-Identifier: Apache-2.0
// The life of tidegate-payload.
#pragma once

#include "agent/base/clock.hpp"
#include "agent/inspect/wire/channel.hpp"

namespace tidegate::payload {

// Waits for Start, loads the rules, enters the sandbox, answers Ready, and examines what comes until Stop or until the
// agent has gone; offline it answers Stop with Finished. An error: it could not begin, or offline what came cannot be
// read. The channel is wire::kChannelFd, payloads come on wire::kExaminerFd.
Status run(inspect::wire::Channel& channel, const Clock& clock);

}  // namespace tidegate::payload
