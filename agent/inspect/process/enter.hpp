// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/inspect/sandbox/sandbox.hpp"
#include "agent/inspect/wire/channel.hpp"
#include "agent/inspect/wire/messages.hpp"

namespace tidegate::inspect::process {

// What the agent is told of the sandbox.
inline wire::Ready ready_of(const sandbox::Facts& facts) {
  return {.filter = facts.filter,
          .no_capabilities = facts.no_capabilities,
          .no_dump = facts.no_dump,
          .landlock = facts.landlock};
}

// The sandbox of a process of one thread without locked secrets, behind sandbox::isolate(): closes, and says Ready.
// `feed`: see sandbox::seal().
inline Status enter(const wire::Channel& channel, unsigned descriptors, int feed = -1) {
  sandbox::Facts facts;
  TIDEGATE_TRY(sandbox::drop_privileges(descriptors, facts));
  TIDEGATE_TRY(sandbox::seal(channel.fd(), facts, feed));
  TIDEGATE_TRY(channel.send(wire::encode(wire::ToAgent(ready_of(facts))), wire::Wait::kYes));
  return {};
}

}  // namespace tidegate::inspect::process
