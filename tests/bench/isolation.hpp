// SPDX-License-Identifier: Apache-2.0
// A process of its own: network, mounts and bpffs that vanish with it, one CPU.
#pragma once

#include <cstdint>
#include <string>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"

namespace tidegate::bench {

// Leaves the network and the mount tree of the host: a new network namespace, its own /sys and bpffs. Whatever
// is pinned, attached or configured afterwards goes away with the process. Call once, before any thread exists.
Status isolate();

// Runs only on `cpu` from here on.
Status pin_to_cpu(unsigned cpu);

// A further, empty network namespace; it lives as long as the descriptor and what is inside it.
Result<UniqueFd> new_network();

// Runs a shell command in `network` (a descriptor of new_network, or -1: here) with a /sys of that namespace.
// The error holds the command and the last line that it printed.
Status shell(int network, const std::string& command);

std::uint64_t monotonic_ns();
std::uint64_t random_seed();

}  // namespace tidegate::bench
