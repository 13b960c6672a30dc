// SPDX-License-Identifier: Apache-2.0
#include "agent/base/unix_socket.hpp"

#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "agent/base/remedy.hpp"

namespace tidegate {
namespace {

std::string named(const UnixSocketOptions& options) { return options.setting + " " + options.path.string(); }

Result<sockaddr_un> address_of(const UnixSocketOptions& options) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options.path.native().size() >= sizeof(address.sun_path)) {
    return fail(ErrorCode::kInvalidArgument,
                named(options) + ": longer than 107 characters; set a shorter `" + options.setting + "`");
  }
  std::memcpy(address.sun_path, options.path.c_str(), options.path.native().size());
  return address;
}

bool somebody_answers(int type, const sockaddr_un& address) {
  const UniqueFd probe(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return true;
  return errno == EAGAIN || errno == EPROTOTYPE;  // its backlog is full; or it is of another type
}

Status remove_stale(const UnixSocketOptions& options, const sockaddr_un& address) {
  struct stat what {};
  if (::lstat(options.path.c_str(), &what) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno(errno, named(options));
  }
  const std::string otherwise = " or set another `" + options.setting + "`";
  if (!S_ISSOCK(what.st_mode)) {
    return fail(ErrorCode::kAlreadyExists,
                named(options) + ": a file that is no socket lies there; move it" + otherwise);
  }
  if (somebody_answers(options.type, address)) {
    return fail(ErrorCode::kAlreadyExists, named(options) + ": another program serves it; stop that one" + otherwise);
  }
  if (::unlink(options.path.c_str()) == 0 || errno == ENOENT) return {};
  return fail_errno(errno, options.setting + ": cannot remove the stale " + options.path.string());
}

}  // namespace

// The mode of the socket itself is what bind() makes the file with, so that it is never wider than asked for.
Result<UniqueFd> bind_unix_socket(const UnixSocketOptions& options) {
  TIDEGATE_ASSIGN(const sockaddr_un address, address_of(options));
  TIDEGATE_TRY(remove_stale(options, address));
  UniqueFd socket(::socket(AF_UNIX, options.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket || ::fchmod(socket.get(), options.mode) != 0) return fail_errno(errno, named(options));
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return with_remedy(fail_errno(errno, options.setting + ": cannot bind " + options.path.string()),
                       "make its directory and let tidegated write there, or set another `" + options.setting + "`");
  }
  if (::chmod(options.path.c_str(), options.mode) != 0) {
    return fail_errno(errno, options.setting + ": cannot set the mode of " + options.path.string());
  }
  return socket;
}

}  // namespace tidegate
