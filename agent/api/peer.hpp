// SPDX-License-Identifier: Apache-2.0
// Who is at the other end of a Unix socket, and who may be.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/base/error.hpp"

namespace tidegate::api {

struct Peer {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary, as of connect()
};

// SO_PEERCRED and SO_PEERGROUPS of a connected Unix socket: what the kernel vouches for.
Result<Peer> peer_of(int socket);

// Root, the agent's own user and members of one group may use the agent.
class Admission {
 public:
  Admission(uid_t own_uid, std::optional<gid_t> group) : own_uid_(own_uid), group_(group) {}
  bool admits(const Peer& peer) const;

 private:
  uid_t own_uid_;
  std::optional<gid_t> group_;
};

// "uid:1000", as decisions and the policy history record it.
std::string actor_of(const Peer& peer);

// kNotFound names the group and the setting.
Result<gid_t> group_id(const std::string& name);

}  // namespace tidegate::api
