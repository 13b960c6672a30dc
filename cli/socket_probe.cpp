// SPDX-License-Identifier: Apache-2.0
#include "cli/socket_probe.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "agent/base/unique_fd.hpp"
#include "cli/format/escape.hpp"

namespace tidegate::cli {
namespace {

constexpr const char* kStart = "; start it with `systemctl start tidegated`, or name its socket with --socket";

Outcome<> explain(int error, const std::string& path) {
  const std::string name = escape_text(path);
  switch (error) {
    case EACCES:
    case EPERM:
      return refuse(Exit::kNotAllowed, "not allowed to use the agent's socket " + name +
                                           ": run as root or as a member of the socket's group");
    case ENOENT:
    case ENOTDIR:
      return refuse(Exit::kUnreachable, "the agent cannot be reached: there is no socket " + name + kStart);
    case ECONNREFUSED:
      return refuse(Exit::kUnreachable, "the agent cannot be reached: nobody listens on " + name + kStart);
    default:
      return refuse(Exit::kUnreachable,
                    "the agent cannot be reached on " + name + ": " + std::generic_category().message(error) + kStart);
  }
}

}  // namespace

Outcome<> check_socket_path(const std::string& path) {
  constexpr std::size_t most = sizeof(sockaddr_un::sun_path) - 1;
  if (!path.empty() && path.size() <= most) return {};
  return refuse(Exit::kUsage, "--socket '" + shorten(escape_text(path), 60) + "' is not a socket path: it takes 1 to " +
                                  std::to_string(most) + " bytes");
}

Outcome<> probe_socket(const std::string& path) {
  TIDEGATE_TRY(check_socket_path(path));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return explain(errno, path);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return explain(errno, path);
  return {};
}

}  // namespace tidegate::cli
