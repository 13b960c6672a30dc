// SPDX-License-Identifier: Apache-2.0
// Unix sockets with a name in the file system.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <filesystem>
#include <string>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"

namespace tidegate {

struct UnixSocketOptions {
  std::filesystem::path path;
  int type = SOCK_STREAM;
  mode_t mode = 0600;              // of the file, whatever the umask
  std::string setting = "socket";  // that names the path, for messages
};

// A bound, non-blocking socket; of a stream nobody can connect before listen(). A socket file that nobody serves is
// replaced. kAlreadyExists: another program answers there, or something else than a socket lies there.
Result<UniqueFd> bind_unix_socket(const UnixSocketOptions& options);

}  // namespace tidegate
