// SPDX-License-Identifier: Apache-2.0
// Who is connected to this host by SSH, as the kernel's socket table has it.
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "agent/decisions/host_facts.hpp"
#include "agent/decisions/netlink.hpp"

namespace tidegate::decisions {
namespace {

using Inodes = std::set<std::uint64_t>;
using Ports = std::set<std::uint16_t>;

constexpr std::uint16_t kSshPort = 22;
constexpr std::array<std::string_view, 4> kServers = {"sshd", "sshd-session", "sshd-auth", "dropbear"};

std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool is_ssh_server(const std::filesystem::path& process) {
  std::string name;
  std::ifstream file(process / "comm");
  return std::getline(file, name) && std::ranges::find(kServers, name) != kServers.end();
}

void add_sockets_of(const std::filesystem::path& process, Inodes& inodes) {
  std::error_code error;
  for (auto fd = std::filesystem::directory_iterator(process / "fd", error); !error && fd != end(fd);
       fd.increment(error)) {
    std::error_code unreadable;
    const std::string link = std::filesystem::read_symlink(fd->path(), unreadable).string();
    if (link.starts_with("socket:[")) inodes.insert(number_in(std::string_view(link).substr(8)));
  }
}

// Sockets of SSH servers, as far as /proc lets this process see: other users' need CAP_SYS_PTRACE.
Inodes ssh_server_sockets(const std::filesystem::path& proc) {
  Inodes inodes;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(proc, error); !error && entry != end(entry);
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const bool is_process = name.find_first_not_of("0123456789") == name.npos;
    if (is_process && is_ssh_server(entry->path())) add_sockets_of(entry->path(), inodes);
  }
  return inodes;
}

// "Port 2222" and "ListenAddress 192.0.2.1:2222" or "[2001:db8::1]:2222" (sshd_config(5)).
std::optional<std::uint16_t> port_in(const std::string& line) {
  std::istringstream words(line);
  std::string keyword;
  std::string value;
  if (!(words >> keyword >> value)) return std::nullopt;
  std::ranges::transform(keyword, keyword.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string_view digits = value;
  if (keyword == "listenaddress") {
    const auto colon = value.rfind(':');
    const bool has_port = colon != value.npos && (value.find(':') == colon || value[colon - 1] == ']');
    if (!has_port) return std::nullopt;
    digits.remove_prefix(colon + 1);
  } else if (keyword != "port") {
    return std::nullopt;
  }
  const std::uint64_t port = number_in(digits);
  return port > 0 && port < 65536 ? std::optional(static_cast<std::uint16_t>(port)) : std::nullopt;
}

void add_ports_of(const std::filesystem::path& config, Ports& ports) {
  std::error_code error;
  if (std::filesystem::is_directory(config, error)) {
    for (auto file = std::filesystem::directory_iterator(config, error); !error && file != end(file);
         file.increment(error)) {
      if (file->is_regular_file(error)) add_ports_of(file->path(), ports);
    }
    return;
  }
  std::ifstream file(config);
  for (std::string line; std::getline(file, line);) {
    if (const auto port = port_in(line)) ports.insert(*port);
  }
}

// TCP sockets in `state` of both families; `port` 0: every local port (the kernel compares it).
Status each_tcp_socket(unsigned state, std::uint16_t port, const std::function<void(const inet_diag_msg&)>& visit) {
  for (const int family : {AF_INET, AF_INET6}) {
    inet_diag_req_v2 request{};
    request.sdiag_family = static_cast<std::uint8_t>(family);
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = 1U << state;
    request.id.idiag_sport = htons(port);
    TIDEGATE_TRY(netlink_dump(NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, std::as_bytes(std::span(&request, 1)),
                              [&](std::span<const std::byte> bytes) {
                                inet_diag_msg message{};
                                if (bytes.size() < sizeof message) return;
                                std::memcpy(&message, bytes.data(), sizeof message);
                                visit(message);
                              }));
  }
  return {};
}

Result<Ports> ssh_ports(const HostPaths& paths) {
  Ports ports = {kSshPort};
  for (const auto& config : paths.sshd_configs) add_ports_of(config, ports);
  const Inodes inodes = ssh_server_sockets(paths.proc);
  if (inodes.empty()) return ports;
  TIDEGATE_TRY(each_tcp_socket(TCP_LISTEN, 0, [&](const inet_diag_msg& socket) {
    if (inodes.contains(socket.idiag_inode)) ports.insert(ntohs(socket.id.idiag_sport));
  }));
  return ports;
}

Address peer_of(const inet_diag_msg& socket) {
  std::array<unsigned char, 16> bytes{};
  std::memcpy(bytes.data(), socket.id.idiag_dst, bytes.size());
  return Address::from_bytes(bytes.data(), socket.idiag_family == AF_INET ? 4 : 16);
}

}  // namespace

Result<std::vector<Fact>> ssh_peers(const HostPaths& paths) {
  TIDEGATE_ASSIGN(const Ports ports, ssh_ports(paths));
  std::set<Address> seen;
  std::vector<Fact> facts;
  for (const std::uint16_t port : ports) {
    TIDEGATE_TRY(each_tcp_socket(TCP_ESTABLISHED, port, [&](const inet_diag_msg& socket) {
      const Address peer = peer_of(socket);
      if (!seen.insert(peer).second) return;
      facts.push_back({Prefix::host(peer), Fact::Kind::kSshPeer, "to port " + std::to_string(port)});
    }));
  }
  return facts;
}

}  // namespace tidegate::decisions
