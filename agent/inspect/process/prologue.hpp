// SPDX-License-Identifier: Apache-2.0
// What precedes the sandbox.
#pragma once

#include <string>
#include <vector>

#include "agent/inspect/wire/channel.hpp"
#include "agent/inspect/wire/messages.hpp"

namespace tidegate::inspect::process {

struct Beginning {
  wire::Start start;
  Settings settings;
};

// Waits for Start and the settings, which are secret for their keys. Nothing foreign has been read yet.
Result<Beginning> read_beginning(wire::Channel& channel);

// Descriptors that `start` says were handed over, the channel included.
std::vector<int> handed_over(const wire::Start& start);

// Moves the descriptor for payloads, where there is one, to its number.
Status place_payloads(const wire::Start& start);

// What libraries would fetch or decide later, when it is no longer allowed: cryptography without configuration files,
// one heap a thread.
void prepare_libraries(unsigned threads);

// The part of the policy's memory bound that one engine may keep of foreign bytes. The rest is for what surrounds them:
// allocator, key store, rings, the code itself.
std::uint64_t engine_memory(const Settings& settings, unsigned workers);

void say_problem(const wire::Channel& channel, const std::string& text, bool fatal, int descriptor = 0);

}  // namespace tidegate::inspect::process
