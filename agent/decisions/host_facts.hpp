// SPDX-License-Identifier: Apache-2.0
// What this host needs to stay reachable: its own addresses, default gateways, DNS servers, present SSH peers.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "agent/decisions/guard.hpp"

namespace tidegate::decisions {

struct HostPaths {
  std::filesystem::path proc = "/proc";
  std::vector<std::filesystem::path> resolv_confs = {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"};
  std::vector<std::filesystem::path> sshd_configs = {"/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d"};
};

struct HostFacts {
  std::vector<Fact> facts;
  std::vector<std::string> problems;  // what could not be found out, and so is not guarded; for a warning
};

// Asks the kernel (network namespace of the calling thread) and the files. Some milliseconds; thread-safe.
HostFacts collect_host_facts(const HostPaths& paths = {});

// The parts, each on its own. Errors name what could not be asked.
Result<std::vector<Fact>> own_addresses();
Result<std::vector<Fact>> default_gateways();
std::vector<Fact> dns_servers(const HostPaths& paths);
// Established TCP connections to a port of sshd: 22, those in its configuration, those of listening sockets that a
// process named sshd or dropbear owns where /proc lets us see.
Result<std::vector<Fact>> ssh_peers(const HostPaths& paths);

// The caller's own session (SSH_CONNECTION), as the client says. kInvalidArgument: not an address.
Result<std::vector<Fact>> caller_facts(const std::vector<std::string>& addresses);

}  // namespace tidegate::decisions
