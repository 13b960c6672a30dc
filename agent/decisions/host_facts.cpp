// SPDX-License-Identifier: Apache-2.0
// Addresses, gateways, DNS servers; ssh_peers.cpp has the rest.
#include "agent/decisions/host_facts.hpp"

#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include "agent/decisions/netlink.hpp"

namespace tidegate::decisions {
namespace {

using Kind = Fact::Kind;

std::optional<Address> address_of(const sockaddr* socket_address) {
  if (socket_address == nullptr) return std::nullopt;
  if (socket_address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, socket_address, sizeof v4);
    return Address::from_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (socket_address->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, socket_address, sizeof v6);
  return Address::from_bytes(v6.sin6_addr.s6_addr, sizeof v6.sin6_addr.s6_addr);
}

std::optional<Address> address_of(std::span<const std::byte> bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  return Address::from_bytes(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
}

std::string name_of(std::uint32_t ifindex) {
  std::array<char, IF_NAMESIZE> name{};
  return if_indextoname(ifindex, name.data()) == nullptr ? "" : name.data();
}

std::uint32_t number_in(std::span<const std::byte> bytes) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data(), std::min(bytes.size(), sizeof number));
  return number;
}

// A hop of a default route: its gateway, in RTA_GATEWAY or (IPv4 over IPv6, RFC 5549) in RTA_VIA, and its interface.
struct Hop {
  std::optional<Address> gateway;
  std::uint32_t ifindex = 0;

  void read(std::uint16_t type, std::span<const std::byte> value) {
    if (type == RTA_GATEWAY) gateway = address_of(value);
    if (type == RTA_VIA && value.size() > sizeof(std::uint16_t))
      gateway = address_of(value.subspan(sizeof(std::uint16_t)));
    if (type == RTA_OIF) ifindex = number_in(value);
  }
  void add_to(std::vector<Fact>& facts) const {
    if (gateway) facts.push_back({Prefix::host(*gateway), Kind::kGateway, name_of(ifindex)});
  }
};

void read_multipath(std::span<const std::byte> bytes, std::vector<Fact>& facts) {
  while (bytes.size() >= sizeof(rtnexthop)) {
    rtnexthop next{};
    std::memcpy(&next, bytes.data(), sizeof next);
    if (next.rtnh_len < sizeof next || next.rtnh_len > bytes.size()) return;
    Hop hop{.gateway = {}, .ifindex = static_cast<std::uint32_t>(next.rtnh_ifindex)};
    each_attribute(bytes.subspan(sizeof next, next.rtnh_len - sizeof next),
                   [&](std::uint16_t type, std::span<const std::byte> value) { hop.read(type, value); });
    hop.add_to(facts);
    bytes = bytes.subspan(std::min<std::size_t>(RTNH_ALIGN(next.rtnh_len), bytes.size()));
  }
}

// Of every routing table, not only of "main".
void read_route(std::span<const std::byte> message, std::vector<Fact>& facts) {
  rtmsg route{};
  if (message.size() < sizeof route) return;
  std::memcpy(&route, message.data(), sizeof route);
  if (route.rtm_dst_len != 0 || route.rtm_type != RTN_UNICAST) return;
  Hop hop;
  each_attribute(message.subspan(NLMSG_ALIGN(sizeof route)), [&](std::uint16_t type, std::span<const std::byte> value) {
    hop.read(type, value);
    if (type == RTA_MULTIPATH) read_multipath(value, facts);
  });
  hop.add_to(facts);
}

template <typename Facts>
void append(HostFacts& all, std::string_view what, Facts found) {
  if (!found) {
    all.problems.push_back("the lock-out guard does not know " + std::string(what) + ": " + found.error().message);
    return;
  }
  all.facts.insert(all.facts.end(), found->begin(), found->end());
}

}  // namespace

Result<std::vector<Fact>> own_addresses() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return fail_errno(errno, "cannot list the addresses of this host");
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  std::vector<Fact> facts = {{*Prefix::parse("127.0.0.0/8"), Kind::kOwnAddress, "loopback"},
                             {*Prefix::parse("::1"), Kind::kOwnAddress, "loopback"}};
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    const auto address = address_of(entry->ifa_addr);
    if (address) facts.push_back({Prefix::host(*address), Kind::kOwnAddress, entry->ifa_name});
  }
  return facts;
}

Result<std::vector<Fact>> default_gateways() {
  std::vector<Fact> facts;
  const rtmsg everything{};  // both families
  TIDEGATE_TRY(netlink_dump(NETLINK_ROUTE, RTM_GETROUTE, std::as_bytes(std::span(&everything, 1)),
                            [&](std::span<const std::byte> message) { read_route(message, facts); }));
  return facts;
}

std::vector<Fact> dns_servers(const HostPaths& paths) {
  std::set<Address> servers;
  for (const auto& path : paths.resolv_confs) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string keyword;
      std::string server;
      if (!(words >> keyword >> server) || keyword != "nameserver") continue;
      const auto address = Address::parse(std::string_view(server).substr(0, server.find('%')));
      if (address) servers.insert(*address);
    }
  }
  std::vector<Fact> facts;
  for (const Address& server : servers) facts.push_back({Prefix::host(server), Kind::kDnsServer, ""});
  return facts;
}

Result<std::vector<Fact>> caller_facts(const std::vector<std::string>& addresses) {
  std::vector<Fact> facts;
  for (const std::string& text : addresses) {
    TIDEGATE_ASSIGN(const Address address, Address::parse(std::string_view(text).substr(0, text.find('%'))));
    facts.push_back({Prefix::host(address), Kind::kCaller, ""});
  }
  return facts;
}

HostFacts collect_host_facts(const HostPaths& paths) {
  HostFacts all;
  append(all, "this host's own addresses", own_addresses());
  append(all, "the default gateways", default_gateways());
  append(all, "present SSH peers", ssh_peers(paths));
  const auto servers = dns_servers(paths);
  all.facts.insert(all.facts.end(), servers.begin(), servers.end());
  return all;
}

}  // namespace tidegate::decisions
