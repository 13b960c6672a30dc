// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/raw_socket.hpp"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

#include <system_error>

namespace tidegate::harness {
namespace {

[[noreturn]] void throw_errno(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

int open_packet_socket(const std::string& interface) {
  UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL)));
  if (!fd) throw_errno("socket AF_PACKET");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) throw_errno("bind AF_PACKET");
  const int size = 64 << 20;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  return fd.release();
}

}  // namespace

RawSocket::RawSocket(const NetNs& space, const std::string& interface) {
  space.in([&] { fd_.reset(open_packet_socket(interface)); });
}

void RawSocket::send(std::span<const std::byte> frame) const {
  while (::send(fd_.get(), frame.data(), frame.size(), 0) < 0) {
    if (errno != EAGAIN && errno != ENOBUFS) throw_errno("send AF_PACKET");
    pollfd writable{fd_.get(), POLLOUT, 0};
    ::poll(&writable, 1, 10);
  }
}

Frame RawSocket::receive(const std::function<bool(std::span<const std::byte>)>& wanted,
                         std::chrono::milliseconds timeout) const {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  Frame frame(65536);
  while (true) {
    sockaddr_ll from{};
    socklen_t size = sizeof from;
    const ssize_t got = ::recvfrom(fd_.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got >= 0 && from.sll_pkttype != PACKET_OUTGOING && wanted({frame.data(), static_cast<std::size_t>(got)})) {
      frame.resize(static_cast<std::size_t>(got));
      return frame;
    }
    if (got >= 0) continue;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd readable{fd_.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) <= 0) return {};
  }
}

std::size_t RawSocket::count(const std::function<bool(std::span<const std::byte>)>& wanted,
                             std::chrono::milliseconds quiet) const {
  std::size_t found = 0;
  while (
      !receive([&](std::span<const std::byte> frame) { return found += wanted(frame) ? 1 : 0, true; }, quiet).empty()) {
  }
  return found;
}

}  // namespace tidegate::harness
