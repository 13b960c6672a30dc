// SPDX-License-Identifier: Apache-2.0
// What KeySources asks of the system: reading, accepting, checking who sends. Never blocks.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>

#include "agent/base/unique_fd.hpp"
#include "agent/inspect/keys/key_sources.hpp"

namespace tidegate::inspect {

struct KeyRead {
  std::size_t size = 0;
  bool ended = false;      // nothing more comes
  bool restarted = false;  // a file became shorter: these bytes are its beginning
};

// One read. `offset` is the place in a file, kept by the caller.
KeyRead read_keys(KeySourceKind kind, int fd, off_t& offset, std::span<std::byte> buffer);

// An empty descriptor: nobody waits.
UniqueFd accept_sender(int listener);

// Whether the peer of a Unix socket is root or one of `allowed`, by user, group or supplementary group.
bool may_send(int connection, const KeySenders& allowed);

}  // namespace tidegate::inspect
