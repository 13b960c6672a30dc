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
constexpr mode_t kSocketMode = 0660;

std::string note_of(const std::filesystem::path& path, const std::string& trouble) {
  return path.string() + ": " + trouble + ", so only root can send keys there";
}

std::string not_a_member(const std::filesystem::path& path, const KeyGroup& group) {
  return note_of(path, "the agent cannot give it to group " + group.name +
                           " (make its user a member and start it again: usermod -aG)");
}

// What cannot be given to the group stays usable for root.
std::string give_socket(const std::filesystem::path& path, const KeyGroup& group) {
  if (!group.id) return group.note;
  if (::lchown(path.c_str(), static_cast<uid_t>(-1), *group.id) != 0) return not_a_member(path, group);
  if (::chmod(path.c_str(), kSocketMode) != 0) return note_of(path, "its mode cannot be set");
  return {};
}

// Somebody beside root and the agent may write to what another user made.
bool others_may_write(const struct stat& found) {
  const bool owner = found.st_uid != 0 && found.st_uid != ::geteuid() && (found.st_mode & S_IWUSR) != 0;
  const bool its_group = found.st_gid != 0 && found.st_gid != ::getegid() && (found.st_mode & S_IWGRP) != 0;
  return owner || its_group;
}

// The agent's own, of this run or a former one, is for the group; what somebody else made stays as it is.
std::string give_fifo(int fd, const std::filesystem::path& path, const KeyGroup& group) {
  struct stat found {};
  if (::fstat(fd, &found) != 0) return note_of(path, "it cannot be looked at");
  if ((found.st_mode & S_IWOTH) != 0) return {};
  if (group.id && found.st_gid == *group.id && (found.st_mode & S_IWGRP) != 0) return {};
  if (found.st_uid != ::geteuid()) {
    if (others_may_write(found)) return {};
    return note_of(path, "group " + group.name + " cannot write to it (chgrp " + group.name + " and chmod g+w)");
  }
  if (!group.id) return group.note;
  if (::fchown(fd, static_cast<uid_t>(-1), *group.id) != 0) return not_a_member(path, group);
  if (::fchmod(fd, kFifoMode) != 0) return note_of(path, "its mode cannot be set");
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
  std::string note = give_socket(path, group);
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
  if (found != nullptr) return {name, entry.gr_gid, {}};
  return {name, std::nullopt,
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
  if (::mkfifo(path.c_str(), 0600) != 0 && errno != EEXIST) {
    return fail_errno(errno, "keys.fifos: cannot make " + path.string());
  }
  TIDEGATE_ASSIGN(UniqueFd fd, open_regular(path, O_RDWR | O_NOFOLLOW, S_IFIFO, "keys.fifos"));
  std::string note = give_fifo(fd.get(), path, group);
  return with_identity(std::move(fd), path, std::move(note));
}

Result<OpenedKeySource> open_key_file(const std::filesystem::path& path) {
  TIDEGATE_ASSIGN(UniqueFd fd, open_regular(path, O_RDONLY, S_IFREG, "keys.files"));
  return with_identity(std::move(fd), path, {});
}

std::string give_to_group(int fd, const std::filesystem::path& path, const KeyGroup& group) {
  struct stat found {};
  if (::fstat(fd, &found) != 0 || S_ISREG(found.st_mode)) return {};
  return S_ISFIFO(found.st_mode) ? give_fifo(fd, path, group) : give_socket(path, group);
}

}  // namespace tidegate::inspection
