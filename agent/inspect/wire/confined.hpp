// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/inspect/wire/messages.hpp"

namespace tidegate::inspect::wire {

// What a process has to say of its sandbox, or it is not to be trusted with foreign bytes. Landlock and locked memory
// are not there on every host.
inline bool is_confined(const Ready& ready) { return ready.filter && ready.no_capabilities && ready.no_dump; }

}  // namespace tidegate::inspect::wire
