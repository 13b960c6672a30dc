// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/key_source_open.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "agent/base/unix_socket.hpp"

namespace tidegate::inspection {
namespace {

constexpr int kBacklog = 128;
constexpr int kDatagramRoom = 1 << 20;  // as far as net.core.rmem_max allows it
constexpr mode_t kFifoMode = 0620;

std::string note_of(const std::filesystem::path& path, const char* trouble) {
  return path.string() + ": " + trouble + ", so only root can send keys there";
}

// What cannot be given to the group stays usable for root.
std::string give_to(const std::filesystem::path& path, const KeyGroup& group, mode_t mode) {
  if (!group.id) return group.note;
  if (::chown(path.c_str(), static_cast<uid_t>(-1), *group.id) != 0) {
    return note_of(path, "the agent cannot give it to the group of `keys.socket` (it has to be a member)");
  }
  if (::chmod(path.c_str(), mode) != 0) return note_of(path, "its mode cannot be set");
  return {};
}

Result<OpenedKeySource> with_identity(UniqueFd fd, const std::filesystem::path& path, std::string note) {
  const auto identity = identity_of(path);
  if (!identity) return fail(ErrorCode::kUnavailable, path.string() + " went away while it was opened");
  return OpenedKeySource{std::move(fd), *identity, std::move(note)};
}

Result<OpenedKeySource> open_bound(const std::filesystem::path& path, const KeyGroup& group, int type,
                                   const char* setting) {
  TIDEGATE_ASSIGN(UniqueFd fd, bind_unix_socket({.path = path, .type = type, .mode = 0600, .setting = setting}));
  std::string note = give_to(path, group, 0660);
  return with_identity(std::move(fd), path, std::move(note));
}

// O_NOFOLLOW and the look at what was opened: the directory may be somebody else's.
Result<UniqueFd> open_regular(const std::filesystem::path& path, int flags, mode_t type, const char* what) {
  UniqueFd fd(::open(path.c_str(), flags | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!fd) return fail_errno(errno, std::string(what) + " " + path.string());
  struct stat found {};
  if (::fstat(fd.get(), &found) != 0) return fail_errno(errno, std::string(what) + " " + path.string());
  if ((found.st_mode & S_IFMT) == type) return fd;
  return fail(ErrorCode::kInvalidArgument, std::string(what) + " " + path.string() + ": something else lies there");
}

}  // namespace

std::optional<FileIdentity> identity_of(const std::filesystem::path& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  return FileIdentity{found.st_dev, found.st_ino};
}

KeyGroup find_key_group(const std::string& name) {
  std::vector<char> buffer(16384);
  group entry{};
  group* found = nullptr;
  ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return {entry.gr_gid, {}};
  return {std::nullopt,
          "there is no group " + name + ", so only root can send keys; make it (groupadd --system " + name + ")"};
}

Result<OpenedKeySource> open_key_socket(const std::filesystem::path& path, const KeyGroup& group) {
  TIDEGATE_ASSIGN(OpenedKeySource opened, open_bound(path, group, SOCK_STREAM, "keys.socket"));
  if (::listen(opened.fd.get(), kBacklog) == 0) return opened;
  return fail_errno(errno, "keys.socket: cannot listen on " + path.string());
}

Result<OpenedKeySource> open_haproxy_log(const std::filesystem::path& path, const KeyGroup& group) {
  TIDEGATE_ASSIGN(OpenedKeySource opened, open_bound(path, group, SOCK_DGRAM, "keys.haproxy_log"));
  ::setsockopt(opened.fd.get(), SOL_SOCKET, SO_RCVBUF, &kDatagramRoom, sizeof kDatagramRoom);
  return opened;
}

Result<OpenedKeySource> open_key_fifo(const std::filesystem::path& path, const KeyGroup& group) {
  const bool made = ::mkfifo(path.c_str(), 0600) == 0;
  if (!made && errno != EEXIST) return fail_errno(errno, "keys.fifos: cannot make " + path.string());
  TIDEGATE_ASSIGN(UniqueFd fd, open_regular(path, O_RDWR | O_NOFOLLOW, S_IFIFO, "keys.fifos"));
  std::string note = made ? give_to(path, group, kFifoMode) : std::string();
  return with_identity(std::move(fd), path, std::move(note));
}

Result<OpenedKeySource> open_key_file(const std::filesystem::path& path) {
  TIDEGATE_ASSIGN(UniqueFd fd, open_regular(path, O_RDONLY, S_IFREG, "keys.files"));
  return with_identity(std::move(fd), path, {});
}

}  // namespace tidegate::inspection
