// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/netns.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "tests/harness/process.hpp"

namespace tidegate::harness {
namespace {

UniqueFd open_namespace(const std::string& name) {
  UniqueFd fd(::open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw std::runtime_error("no network namespace " + name);
  return fd;
}

// Namespaces of tests that were killed carry the pid of a process that is gone.
void remove_leftovers() {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/run/netns", ignored)) {
    const std::string name = entry.path().filename();
    unsigned pid = 0;
    const auto dash = name.rfind('-');
    const auto before = dash == std::string::npos ? dash : name.rfind('-', dash - 1);
    if (!name.starts_with("tg-t-") || before == std::string::npos) continue;
    pid = static_cast<unsigned>(std::strtoul(name.c_str() + before + 1, nullptr, 10));
    if (pid > 0 && ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) run({"ip", "netns", "delete", name});
  }
}

std::string find_obstacle() {
  if (::geteuid() != 0) return "network namespaces and BPF need root";
  if (run({"ip", "-V"}).exit_code != 0) return "iproute2 is not installed";
  const std::string probe = "tg-t-probe-" + std::to_string(::getpid()) + "-0";
  if (run({"ip", "netns", "add", probe}).exit_code != 0) return "this host does not let us make network namespaces";
  const Finished veth =
      run({"ip", "-n", probe, "link", "add", "name", "left", "type", "veth", "peer", "name", "right"});
  run({"ip", "netns", "delete", probe});
  return veth.exit_code == 0 ? "" : "no veth pair in a namespace: " + veth.err.substr(0, veth.err.find('\n'));
}

const std::string& obstacle() {
  static const std::string found = [] {
    remove_leftovers();
    return find_obstacle();
  }();
  return found;
}

}  // namespace

bool can_isolate() { return obstacle().empty(); }
std::string why_not() { return obstacle(); }

NetNs::NetNs(const std::string& role) {
  static std::atomic<unsigned> count{0};
  name_ = "tg-t-" + role + "-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
  shell("ip netns add " + name_ + " && ip -n " + name_ + " link set lo up");
}

NetNs::~NetNs() { run({"ip", "netns", "delete", name_}); }

void NetNs::in(const std::function<void()>& work) const {
  std::exception_ptr thrown;
  std::thread([&] {
    try {
      const UniqueFd fd = open_namespace(name_);
      if (::setns(fd.get(), CLONE_NEWNET) != 0) throw std::runtime_error("setns " + name_);
      work();
    } catch (...) {
      thrown = std::current_exception();
    }
  }).join();
  if (thrown) std::rethrow_exception(thrown);
}

std::string NetNs::sh(const std::string& command) const { return shell(command, name_); }

unsigned NetNs::ifindex(const std::string& interface) const {
  unsigned index = 0;
  in([&] { index = ::if_nametoindex(interface.c_str()); });
  return index;
}

std::string NetNs::mac(const std::string& interface) const {
  std::string text = sh("ip -o link show dev " + interface + " | sed 's/.*link.ether \\([^ ]*\\).*/\\1/'");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Topology::Topology(const Options& options) : options_(options) {
  for (const NetNs* space : {&edge_, &world_}) {
    space->sh(
        "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad; echo 0 > /proc/sys/net/ipv6/conf/all/accept_dad;"
        "echo 0 > /proc/sys/net/ipv6/conf/default/router_solicitations; echo 1 > /proc/sys/net/ipv4/tcp_syncookies;"
        "echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range");
  }
  world_.sh(
      "ip route add local 198.51.100.0/24 dev lo; ip route add local 203.0.113.0/24 dev lo;"
      "ip -6 route add local 2001:db8:c::/48 dev lo; echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind");
  make_link();
}

void Topology::make_link() {
  const std::string queues = std::to_string(options_.queues), mtu = std::to_string(options_.mtu);
  const std::string shape = " numrxqueues " + queues + " numtxqueues " + queues + " mtu " + mtu;
  shell("ip -n " + edge_.name() + " link add eth0" + shape + " type veth peer name eth0" + shape + " netns " +
        world_.name());
  edge_.sh(
      "ip addr add 192.0.2.1/24 dev eth0; ip -6 addr add 2001:db8::1/64 dev eth0 nodad; ip link set eth0 up;"
      "ip route add default via 192.0.2.2");
  world_.sh("ip addr add 192.0.2.2/24 dev eth0; ip -6 addr add 2001:db8::2/64 dev eth0 nodad; ip link set eth0 up");
  edge_.sh("ip -6 route add default via 2001:db8::2 dev eth0");
  // Neighbours are resolved once (the first solicitation may be a second late), so that no test waits for it.
  world_.sh("ping -n -q -c 1 -W 5 192.0.2.1 && ping -n -q -c 1 -W 5 2001:db8::1");
}

void Topology::remove_link() { edge_.sh("ip link delete eth0"); }

}  // namespace tidegate::harness
