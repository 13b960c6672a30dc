// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/netlink.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "agent/base/unique_fd.hpp"

namespace tidegate::decisions {
namespace {

constexpr std::size_t kBuffer = 65536;  // the kernel fills at most 32 KiB at once

Status send_request(int fd, std::uint16_t type, std::span<const std::byte> request) {
  std::vector<std::byte> message(NLMSG_SPACE(request.size()));
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(request.size()));
  header.nlmsg_type = type;
  header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  std::memcpy(message.data(), &header, sizeof header);
  std::ranges::copy(request, message.begin() + NLMSG_HDRLEN);
  if (::send(fd, message.data(), message.size(), 0) < 0) return fail_errno(errno, "cannot send over netlink");
  return {};
}

// True: the dump is over.
Result<bool> handle(std::span<const std::byte> bytes, const std::function<void(std::span<const std::byte>)>& visit) {
  while (bytes.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > bytes.size()) break;
    const auto payload = bytes.subspan(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
    if (header.nlmsg_type == NLMSG_DONE) return true;
    if (header.nlmsg_type == NLMSG_ERROR) {
      nlmsgerr error{};
      std::memcpy(&error, payload.data(), std::min(payload.size(), sizeof error));
      return fail_errno(-error.error, "netlink");
    }
    visit(payload);
    bytes = bytes.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), bytes.size()));
  }
  return false;
}

}  // namespace

Status netlink_dump(int protocol, std::uint16_t type, std::span<const std::byte> request,
                    const std::function<void(std::span<const std::byte>)>& visit) {
  const UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) return fail_errno(errno, "cannot open a netlink socket");
  // The kernel answers at once; a limit only keeps a broken one from holding us.
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  TIDEGATE_TRY(send_request(fd.get(), type, request));
  std::vector<std::byte> buffer(kBuffer);
  for (bool done = false; !done;) {
    const ssize_t size = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return fail_errno(size == 0 ? EIO : errno, "cannot receive over netlink");
    TIDEGATE_ASSIGN(done, handle(std::span(buffer).first(static_cast<std::size_t>(size)), visit));
  }
  return {};
}

void each_attribute(std::span<const std::byte> bytes,
                    const std::function<void(std::uint16_t type, std::span<const std::byte> value)>& visit) {
  while (bytes.size() >= sizeof(rtattr)) {
    rtattr header{};
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.rta_len < sizeof header || header.rta_len > bytes.size()) return;
    visit(header.rta_type, bytes.subspan(RTA_LENGTH(0), header.rta_len - RTA_LENGTH(0)));
    bytes = bytes.subspan(std::min<std::size_t>(RTA_ALIGN(header.rta_len), bytes.size()));
  }
}

}  // namespace tidegate::decisions
