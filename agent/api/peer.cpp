// SPDX-License-Identifier: Apache-2.0
#include "agent/api/peer.hpp"

#include <grp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

namespace tidegate::api {
namespace {

constexpr std::size_t kMostGroups = 65536;  // NGROUPS_MAX

Result<std::vector<gid_t>> groups_of(int socket) {
  std::vector<gid_t> groups(32);
  for (;;) {
    auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0) {
      groups.resize(size / sizeof(gid_t));
      return groups;
    }
    if (errno != ERANGE || size / sizeof(gid_t) > kMostGroups) return fail_errno(errno, "cannot read peer groups");
    groups.resize(size / sizeof(gid_t));
  }
}

}  // namespace

Result<Peer> peer_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return fail_errno(errno, "cannot read peer credentials");
  }
  TIDEGATE_ASSIGN(auto groups, groups_of(socket));
  return Peer{credentials.uid, credentials.gid, std::move(groups)};
}

bool Admission::admits(const Peer& peer) const {
  if (peer.uid == 0 || peer.uid == own_uid_) return true;
  if (!group_) return false;
  return peer.gid == *group_ || std::find(peer.groups.begin(), peer.groups.end(), *group_) != peer.groups.end();
}

std::string actor_of(const Peer& peer) { return "uid:" + std::to_string(peer.uid); }

Result<gid_t> group_id(const std::string& name) {
  std::vector<char> buffer(16384);
  group entry{};
  group* found = nullptr;
  ::getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return fail(ErrorCode::kNotFound,
                "socket_group: no group " + name + "; make it (groupadd --system " + name + ") or name another");
  }
  return entry.gr_gid;
}

}  // namespace tidegate::api
