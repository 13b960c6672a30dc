// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tidegate::inspect::sandbox {

// Denies this thread and its children every path, TCP and signals to others, as far as the kernel's Landlock goes.
// False: the kernel has none. Needs no_new_privs.
bool forbid_file_system();

}  // namespace tidegate::inspect::sandbox
