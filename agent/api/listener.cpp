// SPDX-License-Identifier: Apache-2.0
#include "agent/api/listener.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "agent/base/unix_socket.hpp"

namespace tidegate::api {
namespace {

constexpr int kBacklog = 64;

Result<UniqueFd> take_lock(const std::filesystem::path& path) {
  const std::string lock_path = path.string() + ".lock";
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) {
    return fail_errno(errno, "socket: cannot create " + lock_path + " (does the directory exist, and is it writable?)");
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorCode::kAlreadyExists,
                "socket " + path.string() + ": another agent serves it; stop that one or set another `socket`");
  }
  return lock;
}

// Nobody can connect before listen(), so that permissions are right from the first connection on.
Result<UniqueFd> bind_and_listen(const ListenerOptions& options) {
  const std::string name = options.path.string();
  TIDEGATE_ASSIGN(UniqueFd socket, bind_unix_socket({.path = options.path, .mode = options.mode}));
  if (options.group && ::chown(name.c_str(), static_cast<uid_t>(-1), *options.group) != 0) {
    return fail_errno(errno, "socket: cannot give " + name + " to the socket_group (the agent must be its member)");
  }
  if (::listen(socket.get(), kBacklog) != 0) return fail_errno(errno, "socket: cannot listen on " + name);
  return socket;
}

}  // namespace

Result<Listener> Listener::open(const ListenerOptions& options) {
  TIDEGATE_ASSIGN(UniqueFd lock, take_lock(options.path));
  TIDEGATE_ASSIGN(UniqueFd socket, bind_and_listen(options));
  return Listener(options.path, std::move(lock), std::move(socket));
}

// The lock file stays: removing it would let two agents lock two files of one name.
Listener::~Listener() {
  if (socket_) ::unlink(path_.c_str());
}

}  // namespace tidegate::api
