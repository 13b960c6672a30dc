// SPDX-License-Identifier: Apache-2.0
// tidegate-flood: packets as an attacker would send them, for tests and the quickstart. It sends only on a veth of a
// network namespace named tg-…, and only for a bounded time.
#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <map>
#include <thread>

#include "agent/base/unique_fd.hpp"
#include "tests/harness/flood_frame.hpp"

namespace {

using namespace tidegate;
using namespace tidegate::harness;
using Clock = std::chrono::steady_clock;

constexpr unsigned kBatch = 64;

struct Settings {
  std::string interface, sources, destination, gateway_mac, kind = "syn";
  std::uint16_t port = 80;
  std::uint64_t rate = 0, count = 0, seed = 1;
  std::size_t payload = 0;
  double seconds = 10;
};

[[noreturn]] void refuse(const std::string& why) {
  std::cerr << "tidegate-flood: " << why << "\n";
  std::exit(1);
}

bool inside_test_namespace() {
  struct stat own {};
  if (::stat("/proc/self/ns/net", &own) != 0) return false;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/run/netns", ignored)) {
    struct stat named {};
    const bool ours = entry.path().filename().string().starts_with("tg-");
    if (ours && ::stat(entry.path().c_str(), &named) == 0 && named.st_ino == own.st_ino) return true;
  }
  return false;
}

void refuse_outside_of_a_test(const std::string& interface) {
  if (!inside_test_namespace()) refuse("works only in a network namespace whose name starts with tg- (ip netns)");
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&info);
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (::ioctl(fd.get(), SIOCETHTOOL, &request) != 0) refuse("no interface " + interface);
  if (std::strcmp(info.driver, "veth") != 0) refuse(interface + " is not a veth: this tool floods nothing real");
}

std::array<std::uint8_t, 6> parse_mac(const std::string& text) {
  std::array<std::uint8_t, 6> mac{};
  if (std::sscanf(text.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
                  &mac[5]) != 6) {
    refuse("not an Ethernet address: " + text);
  }
  return mac;
}

FloodTarget target_of(const Settings& settings) {
  static const std::map<std::string, FloodKind> kinds = {
      {"syn", FloodKind::kSyn}, {"ack", FloodKind::kAck}, {"udp", FloodKind::kUdp}, {"icmp", FloodKind::kIcmp}};
  FloodTarget target;
  target.kind = kinds.at(settings.kind);
  auto destination = Address::parse(settings.destination);
  auto sources = Prefix::parse(settings.sources);
  if (!destination) refuse(destination.error().message);
  if (!sources) refuse(sources.error().message);
  if (sources->is_v4() != destination->is_v4()) refuse("sources and destination are of different families");
  target.sources = *sources;
  target.destination = *destination;
  target.port = settings.port;
  target.payload = settings.payload;
  target.destination_mac = parse_mac(settings.gateway_mac);
  target.source_mac = {0x02, 0, 0, 0, 0, 0x66};
  return target;
}

UniqueFd open_socket(const std::string& interface) {
  UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!fd) refuse("cannot open a packet socket: it needs CAP_NET_RAW");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = 0;  // send only: nothing is queued to this socket
  address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    refuse("cannot bind to " + interface);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
  return fd;
}

// Sends at `rate` (0: as fast as it goes) until time or count is up; returns how many were sent.
std::uint64_t flood(const Settings& settings, int fd, std::vector<FloodFrame>& frames) {
  mmsghdr messages[kBatch]{};
  iovec parts[kBatch]{};
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(settings.seconds));
  std::uint64_t sent = 0;
  while (Clock::now() < end && (settings.count == 0 || sent < settings.count)) {
    unsigned batch = kBatch;
    if (settings.count != 0) batch = static_cast<unsigned>(std::min<std::uint64_t>(batch, settings.count - sent));
    if (settings.rate != 0) {
      const std::chrono::duration<double> elapsed = Clock::now() - begin;
      const auto due = static_cast<std::uint64_t>(elapsed.count() * static_cast<double>(settings.rate)) + 1;
      if (due <= sent) {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
        continue;
      }
      batch = static_cast<unsigned>(std::min<std::uint64_t>(batch, due - sent));
    }
    for (unsigned i = 0; i < batch; ++i) {
      frames[i].randomise();
      parts[i] = {const_cast<std::uint8_t*>(frames[i].bytes().data()), frames[i].bytes().size()};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int done = ::sendmmsg(fd, messages, batch, 0);
    if (done > 0) sent += static_cast<std::uint64_t>(done);
    if (done < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR) refuse(std::strerror(errno));
  }
  return sent;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app(
      "Floods a veth of a test's network namespace. Example: tidegate-flood --interface eth0 "
      "--sources 198.18.0.0/15 --destination 192.0.2.1 --mac 02:00:00:00:00:01 --kind syn --rate 100000");
  app.add_option("--interface", settings.interface, "a veth in a namespace tg-…")->required();
  app.add_option("--sources", settings.sources, "prefix that sources are drawn from; a host: always that one")
      ->required();
  app.add_option("--destination", settings.destination)->required();
  app.add_option("--mac", settings.gateway_mac, "Ethernet address to send to")->required();
  app.add_option("--kind", settings.kind)->check(CLI::IsMember({"syn", "ack", "udp", "icmp"}));
  app.add_option("--port", settings.port);
  app.add_option("--rate", settings.rate, "packets per second; 0: as fast as it goes");
  app.add_option("--count", settings.count, "stop after so many");
  app.add_option("--payload", settings.payload, "bytes after the L4 header")->check(CLI::Range(0, 9000));
  app.add_option("--seconds", settings.seconds)->check(CLI::Range(0.0, 600.0));
  app.add_option("--seed", settings.seed);
  CLI11_PARSE(app, argc, argv);
  refuse_outside_of_a_test(settings.interface);
  const FloodTarget target = target_of(settings);
  std::vector<FloodFrame> frames;
  for (unsigned i = 0; i < kBatch; ++i) frames.emplace_back(target, settings.seed * 1000 + i);
  const UniqueFd fd = open_socket(settings.interface);
  const auto begin = Clock::now();
  const std::uint64_t sent = flood(settings, fd.get(), frames);
  const std::chrono::duration<double> elapsed = Clock::now() - begin;
  std::printf("{\"sent\": %llu, \"seconds\": %.3f, \"per_second\": %.0f}\n", static_cast<unsigned long long>(sent),
              elapsed.count(), static_cast<double>(sent) / elapsed.count());
  return 0;
}
