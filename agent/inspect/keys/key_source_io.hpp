// SPDX-License-Identifier: Apache-2.0
// What KeySources asks of the system: reading, accepting, checking who sends. Never blocks.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
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

// The user behind a Unix socket, if it is root or one of `allowed`, by user, group or supplementary group.
std::optional<uid_t> sender_of(int connection, const KeySenders& allowed);

// How many descriptors this process may have open at most, now or after it has lowered its limit.
std::size_t most_descriptors();

}  // namespace tidegate::inspect
