// SPDX-License-Identifier: Apache-2.0
// What the inspector gives up before it reads a foreign byte. Once given up, nothing of it comes back.
#pragma once

#include <vector>

#include "agent/base/error.hpp"

namespace tidegate::inspect::sandbox {

// What was achieved; on an old kernel some of it cannot be.
struct Facts {
  bool filter = false;
  bool no_capabilities = false;
  bool no_dump = false;
  bool landlock = false;
};

// First step, in main() before anything else: dies with its parent, cannot be traced or dumped, holds no descriptor but
// `keep` (and the null device on 0 to 2), sits in "/". Call it before any thread exists.
Status isolate(const std::vector<int>& keep);

// Closes every descriptor but 0 to 2 and `keep`: what libraries opened since and left.
Status close_others(std::vector<int> keep);

// Second step, with a single thread still: no capability in any set, another user when started as root, no gain by
// execve, at most `descriptors` open ones, no file system by Landlock where the kernel has it.
Status drop_privileges(unsigned descriptors, Facts& facts);

// Last step, with every thread running and everything opened, mapped and fetched: the system call filter, for all
// threads at once. Afterwards no thread or process can be started, nothing opened, connected, duplicated or
// configured. `channel` is the only descriptor that can be sent on, and it stays open; so is `feed`, where there is
// one, whose number has to differ from it in exactly one bit. A call outside the list ends the process; asking for
// files is answered with EPERM, because libraries do it in passing.
Status seal(int channel, Facts& facts, int feed = -1);

}  // namespace tidegate::inspect::sandbox
