// SPDX-License-Identifier: Apache-2.0
#include "agent/api/listener.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace tidegate::api {
namespace {

constexpr int kBacklog = 64;

Result<sockaddr_un> address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof(address.sun_path)) {
    return fail(ErrorCode::kInvalidArgument,
                "socket " + path.string() + ": longer than 107 characters; set a shorter " + "`socket`");
  }
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  return address;
}

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

bool somebody_answers(const sockaddr_un& address) {
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return true;
  return errno == EAGAIN;  // its backlog is full
}

Status remove_stale(const std::filesystem::path& path, const sockaddr_un& address) {
  struct stat what {};
  if (::lstat(path.c_str(), &what) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno(errno, "socket " + path.string());
  }
  if (!S_ISSOCK(what.st_mode)) {
    return fail(ErrorCode::kAlreadyExists,
                "socket " + path.string() + ": a file that is no socket lies there; move it or set another `socket`");
  }
  if (somebody_answers(address)) {
    return fail(ErrorCode::kAlreadyExists,
                "socket " + path.string() + ": another program serves it; stop that one or set another `socket`");
  }
  if (::unlink(path.c_str()) != 0) return fail_errno(errno, "socket: cannot remove the stale " + path.string());
  return {};
}

// Nobody can connect before listen(), so that permissions are right from the first connection on.
Result<UniqueFd> bind_and_listen(const ListenerOptions& options, const sockaddr_un& address) {
  const std::string name = options.path.string();
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno(errno, "socket " + name);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return fail_errno(errno, "socket: cannot bind " + name);
  }
  if (::chmod(name.c_str(), options.mode) != 0) return fail_errno(errno, "socket: cannot set the mode of " + name);
  if (options.group && ::chown(name.c_str(), static_cast<uid_t>(-1), *options.group) != 0) {
    return fail_errno(errno, "socket: cannot give " + name + " to the socket_group (the agent must be its member)");
  }
  if (::listen(socket.get(), kBacklog) != 0) return fail_errno(errno, "socket: cannot listen on " + name);
  return socket;
}

}  // namespace

Result<Listener> Listener::open(const ListenerOptions& options) {
  TIDEGATE_ASSIGN(const sockaddr_un address, address_of(options.path));
  TIDEGATE_ASSIGN(UniqueFd lock, take_lock(options.path));
  TIDEGATE_TRY(remove_stale(options.path, address));
  TIDEGATE_ASSIGN(UniqueFd socket, bind_and_listen(options, address));
  return Listener(options.path, std::move(lock), std::move(socket));
}

// The lock file stays: removing it would let two agents lock two files of one name.
Listener::~Listener() {
  if (socket_) ::unlink(path_.c_str());
}

}  // namespace tidegate::api
