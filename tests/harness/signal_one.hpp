// SPDX-License-Identifier: Apache-2.0
// Signals to processes that a test has looked up.
#pragma once

#include <signal.h>
#include <sys/types.h>

namespace tidegate::harness {

// kill() that takes a process that was not found (0, -1) for nobody, not for everybody. False: no signal was sent.
inline bool signal_one(pid_t pid, int number) { return pid > 0 && ::kill(pid, number) == 0; }

}  // namespace tidegate::harness
