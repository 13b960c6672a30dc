// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/link.hpp"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "tests/bench/isolation.hpp"

namespace tidegate::bench {
namespace {

constexpr const char* kReceived = "rx_queue_0_xdp_packets";  // veth counts every frame of its ring here, XDP or not
constexpr std::size_t kMostStatistics = 256;
constexpr auto kWait = std::chrono::milliseconds(5);
constexpr int kMostWaits = 1000;
constexpr int kEnoughUnchanged = 3;

Status ethtool(int socket, const std::string& interface, void* request) {
  ifreq ifr{};
  std::strncpy(ifr.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  ifr.ifr_data = static_cast<char*>(request);
  if (ioctl(socket, SIOCETHTOOL, &ifr) != 0) {
    return fail_errno(errno, "ethtool request on " + interface);
  }
  return {};
}

// GRO at the far end is what makes veth take whole XDP frames where no XDP program is attached.
Status enable_gro(int socket, const std::string& interface) {
  ethtool_value value{ETHTOOL_SGRO, 1};
  return ethtool(socket, interface, &value);
}

pid_t find_thread(const std::string& prefix) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::string comm;
    std::ifstream(entry.path() / "comm") >> comm;
    if (comm.starts_with(prefix)) {
      return static_cast<pid_t>(std::stol(entry.path().filename()));
    }
  }
  return -1;
}

}  // namespace

Link::Visit::Visit(int network) : home_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
  setns(network, CLONE_NEWNET);
}

Link::Visit::~Visit() { setns(home_.get(), CLONE_NEWNET); }

Result<Link> Link::open(const std::string& name) {
  Link link;
  link.far_name_ = name + "1";
  const auto near = name + "0";
  TIDEGATE_ASSIGN(link.network_, new_network());
  link.inside([&] { link.socket_.reset(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)); });
  TIDEGATE_TRY(shell(link.network(), "ip link add " + link.far_name_ + " type veth peer name " + near));
  link.far_ifindex_ = link.inside([&] { return if_nametoindex(link.far_name_.c_str()); });
  TIDEGATE_TRY(shell(link.network(), "ip link set " + near + " netns " + std::to_string(getpid())));
  TIDEGATE_TRY(enable_gro(link.socket_.get(), link.far_name_));
  TIDEGATE_TRY(shell(link.network(), "ip link set lo up && ip addr add 192.0.2.1/24 dev " + link.far_name_ +
                                         " && ip link set " + link.far_name_ + " up"));
  TIDEGATE_TRY(shell(-1, "ip link set " + near + " up"));
  link.near_ifindex_ = if_nametoindex(near.c_str());
  return link;
}

Status Link::use_thread(unsigned cpu) {
  TIDEGATE_TRY(shell(network(), "echo 1 > /sys/class/net/" + far_name_ + "/threaded"));
  receiver_ = find_thread("napi/" + far_name_ + "-");
  if (receiver_ < 0) {
    return fail(ErrorCode::kUnsupported, "no receiving thread: this kernel has no threaded NAPI (5.12 or later)");
  }
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(receiver_, sizeof(set), &set) != 0) {
    return fail_errno(errno, "cannot move the receiving thread to CPU " + std::to_string(cpu));
  }
  return {};
}

Result<std::uint64_t> Link::receiver_ns() const {
  std::uint64_t ns = 0;
  const auto path = "/proc/" + std::to_string(receiver_) + "/schedstat";
  if (!(std::ifstream(path) >> ns)) {
    return fail(ErrorCode::kUnavailable, "cannot read " + path);
  }
  return ns;
}

Result<std::uint64_t> Link::received() const {
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  TIDEGATE_TRY(ethtool(socket_.get(), far_name_, &info));
  const std::size_t count = std::min<std::size_t>(info.n_stats, kMostStatistics);
  std::vector<char> names(sizeof(ethtool_gstrings) + count * ETH_GSTRING_LEN);
  auto* strings = reinterpret_cast<ethtool_gstrings*>(names.data());
  strings->cmd = ETHTOOL_GSTRINGS;
  strings->string_set = ETH_SS_STATS;
  strings->len = static_cast<__u32>(count);
  TIDEGATE_TRY(ethtool(socket_.get(), far_name_, strings));
  std::vector<char> values(sizeof(ethtool_stats) + count * sizeof(__u64));
  auto* stats = reinterpret_cast<ethtool_stats*>(values.data());
  stats->cmd = ETHTOOL_GSTATS;
  stats->n_stats = static_cast<__u32>(count);
  TIDEGATE_TRY(ethtool(socket_.get(), far_name_, stats));
  for (std::size_t i = 0; i < count; ++i) {
    if (std::strncmp(reinterpret_cast<const char*>(strings->data) + i * ETH_GSTRING_LEN, kReceived, ETH_GSTRING_LEN) ==
        0) {
      return stats->data[i];
    }
  }
  return fail(ErrorCode::kUnsupported, "veth has no statistic " + std::string(kReceived));
}

Status Link::drain(std::uint64_t at_least) const {
  std::uint64_t before = 0;
  int unchanged = 0;
  for (int i = 0; i < kMostWaits && unchanged < kEnoughUnchanged; ++i) {
    std::this_thread::sleep_for(kWait);
    TIDEGATE_ASSIGN(const auto now, received());
    unchanged = now == before && now >= at_least ? unchanged + 1 : 0;
    before = now;
  }
  if (unchanged < kEnoughUnchanged) {
    return fail(ErrorCode::kUnavailable, far_name_ + " does not come to rest, or received nothing");
  }
  return {};
}

}  // namespace tidegate::bench
