// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/capture_socket.hpp"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>

#include "agent/base/link_header.hpp"
#include "agent/kernel/capture.hpp"

namespace tidegate::kernel {
namespace {

constexpr int kShare = PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG;

template <typename T>
Status set(int fd, int level, int option, const T& value, const char* what) {
  if (setsockopt(fd, level, option, &value, sizeof value) == 0) return {};
  return fail_errno(errno, std::string("capture: ") + what);
}

// Protocol 0: nothing is delivered before bind().
Result<UniqueFd> open_deaf() {
  UniqueFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd) return fd;
  if (errno == EPERM) {
    return fail(ErrorCode::kPermissionDenied,
                "capture: no packet socket without CAP_NET_RAW: run as root or through tidegated.service");
  }
  return fail_errno(errno, "capture: cannot open a packet socket");
}

Status lock_filter(int fd, int program) {
  TIDEGATE_TRY(set(fd, SOL_SOCKET, SO_ATTACH_BPF, program, "cannot attach the filter"));
  return set(fd, SOL_SOCKET, SO_LOCK_FILTER, 1, "cannot lock the filter");
}

Status listen_everywhere(int fd) {
  sockaddr_ll everywhere{};
  everywhere.sll_family = AF_PACKET;
  everywhere.sll_protocol = htons(ETH_P_ALL);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&everywhere), sizeof everywhere) == 0) return {};
  return fail_errno(errno, "capture: cannot bind the packet socket");
}

// The first socket of a group gets a number that no other group of the namespace has; the others join by it.
// PACKET_FANOUT_HASH sends both directions of a connection to the same socket. A group of one is made too: only groups
// have fragments of IPv4 put together before the filter.
Status join(int fd, std::optional<int>& group) {
  if (group) return set(fd, SOL_PACKET, PACKET_FANOUT, *group | kShare << 16, "cannot share the traffic");
  TIDEGATE_TRY(
      set(fd, SOL_PACKET, PACKET_FANOUT, (kShare | PACKET_FANOUT_FLAG_UNIQUEID) << 16, "cannot share the traffic"));
  int made = 0;
  socklen_t size = sizeof made;
  if (getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &made, &size) != 0) {
    return fail_errno(errno, "capture: cannot share the traffic");
  }
  group = made & 0xffff;
  return {};
}

}  // namespace

Result<std::vector<UniqueFd>> open_capture_sockets(int program, unsigned count,
                                                   const std::function<Status(int fd)>& prepare) {
  std::vector<UniqueFd> sockets;
  std::optional<int> group;
  for (unsigned i = 0; i < count; ++i) {
    TIDEGATE_ASSIGN(UniqueFd fd, open_deaf());
    TIDEGATE_TRY(lock_filter(fd.get(), program));
    if (prepare) TIDEGATE_TRY(prepare(fd.get()));
    TIDEGATE_TRY(listen_everywhere(fd.get()));
    TIDEGATE_TRY(join(fd.get(), group));
    sockets.push_back(std::move(fd));
  }
  return sockets;
}

std::optional<CaptureInterface> find_capture_interface(const std::string& name) {
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name) return std::nullopt;
  std::copy(name.begin(), name.end(), request.ifr_name);
  const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!any || ioctl(any.get(), SIOCGIFINDEX, &request) != 0) return std::nullopt;
  CaptureInterface found{.index = static_cast<unsigned>(request.ifr_ifindex), .loopback = false, .readable = true};
  if (ioctl(any.get(), SIOCGIFFLAGS, &request) != 0) return std::nullopt;
  found.loopback = (request.ifr_flags & IFF_LOOPBACK) != 0;
  if (ioctl(any.get(), SIOCGIFHWADDR, &request) != 0) return std::nullopt;
  const auto link = request.ifr_hwaddr.sa_family;
  found.raw_ip = is_raw_ip(link);
  found.readable = found.raw_ip || link == ARPHRD_ETHER || link == ARPHRD_LOOPBACK;
  return found;
}

}  // namespace tidegate::kernel
