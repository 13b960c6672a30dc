// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/keys/key_source_io.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace tidegate::inspect {
namespace {

constexpr std::size_t kMostGroups = 1024;

ssize_t read_file(int fd, off_t& offset, std::span<std::byte> buffer, bool& restarted) {
  // Not fstat(): the C library makes it a call that takes paths, which the sandbox answers with no.
  const off_t size = ::lseek(fd, 0, SEEK_END);
  if (size < 0) return -1;
  if (size < offset) {
    offset = 0;
    restarted = true;
  }
  const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), offset);
  if (got > 0) offset += got;
  return got;
}

bool has_group(int connection, std::span<const gid_t> allowed) {
  std::array<gid_t, kMostGroups> groups;
  socklen_t size = sizeof(groups);
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) return false;
  const std::span<const gid_t> theirs(groups.data(), size / sizeof(gid_t));
  return std::ranges::find_first_of(theirs, allowed) != theirs.end();
}

bool may_send(int connection, const ucred& peer, const KeySenders& allowed) {
  if (allowed.users.empty() && allowed.groups.empty()) return true;
  if (peer.uid == 0 || std::ranges::find(allowed.users, peer.uid) != allowed.users.end()) return true;
  if (std::ranges::find(allowed.groups, peer.gid) != allowed.groups.end()) return true;
  return !allowed.groups.empty() && has_group(connection, allowed.groups);
}

}  // namespace

KeyRead read_keys(KeySourceKind kind, int fd, off_t& offset, std::span<std::byte> buffer) {
  KeyRead result;
  ssize_t got = 0;
  switch (kind) {
    case KeySourceKind::kFile:
      got = read_file(fd, offset, buffer, result.restarted);
      break;
    case KeySourceKind::kFifo:
      got = ::read(fd, buffer.data(), buffer.size());
      break;
    default:
      got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
  }
  if (got > 0) result.size = static_cast<std::size_t>(got);
  const bool again = got < 0 && (errno == EAGAIN || errno == EINTR);
  const bool endless = kind == KeySourceKind::kFile || kind == KeySourceKind::kDatagram;  // 0 bytes mean nothing
  result.ended = (got < 0 && !again) || (got == 0 && !endless);
  return result;
}

UniqueFd accept_sender(int listener) {
  return UniqueFd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

std::optional<uid_t> sender_of(int connection, const KeySenders& allowed) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
  return may_send(connection, peer, allowed) ? std::optional(peer.uid) : std::nullopt;
}

std::size_t most_descriptors() {
  // The system call filter lets numbers below this be closed.
  constexpr rlim_t kHighest = 4096;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return static_cast<std::size_t>(std::min(limit.rlim_max, kHighest));
}

}  // namespace tidegate::inspect
