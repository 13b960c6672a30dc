// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/wire/channel.hpp"

#include <string.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace tidegate::inspect::wire {
namespace {

constexpr int kMostDescriptors = 4;  // that a hostile sender may attach before the kernel cuts them off
constexpr int kRoom = 1 << 20;       // as far as net.core.wmem_max allows it

struct ControlBuffer {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostDescriptors)> bytes{};
};

void attach(msghdr& header, ControlBuffer& control, int descriptor) {
  header.msg_control = control.bytes.data();
  header.msg_controllen = CMSG_SPACE(sizeof descriptor);
  cmsghdr* message = CMSG_FIRSTHDR(&header);
  message->cmsg_level = SOL_SOCKET;
  message->cmsg_type = SCM_RIGHTS;
  message->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(message), &descriptor, sizeof descriptor);
}

// Keeps the first, closes the rest.
UniqueFd take_descriptor(msghdr& header) {
  UniqueFd first;
  for (cmsghdr* message = CMSG_FIRSTHDR(&header); message != nullptr; message = CMSG_NXTHDR(&header, message)) {
    if (message->cmsg_level != SOL_SOCKET || message->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (message->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(message) + i * sizeof descriptor, sizeof descriptor);
      UniqueFd owned(descriptor);
      if (!first) first = std::move(owned);
    }
  }
  return first;
}

std::unexpected<Error> gone() { return fail(ErrorCode::kUnavailable, "the other end of the channel has gone"); }

bool is_gone(int error) { return error == EPIPE || error == ECONNRESET || error == ENOTCONN; }

}  // namespace

Result<std::pair<UniqueFd, UniqueFd>> Channel::pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return fail_errno(errno, "cannot make a channel to the inspector");
  }
  for (const int end : ends) setsockopt(end, SOL_SOCKET, SO_SNDBUF, &kRoom, sizeof kRoom);
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Result<bool> send_on(int fd, Bytes message, Wait wait, int descriptor) {
  iovec part{const_cast<std::byte*>(message.data()), message.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  ControlBuffer control;
  if (descriptor >= 0) attach(header, control, descriptor);
  const int flags = MSG_NOSIGNAL | (wait == Wait::kNo ? MSG_DONTWAIT : 0);
  while (true) {
    if (sendmsg(fd, &header, flags) >= 0) return true;
    if (errno == EAGAIN || errno == ENOBUFS) return false;
    if (is_gone(errno)) return gone();
    if (errno != EINTR) return fail_errno(errno, "cannot send through the channel of the inspector");
  }
}

Result<std::optional<Received>> Channel::receive(Wait wait) {
  iovec part{buffer_.data(), buffer_.size()};
  ControlBuffer control;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  const int flags = MSG_CMSG_CLOEXEC | (wait == Wait::kNo ? MSG_DONTWAIT : 0);
  const ssize_t size = recvmsg(fd_.get(), &header, flags);
  if (size < 0) {
    if (errno == EAGAIN || errno == EINTR) return std::optional<Received>();
    if (is_gone(errno)) return gone();
    return fail_errno(errno, "cannot receive from the channel of the inspector");
  }
  UniqueFd descriptor = take_descriptor(header);
  held_ = static_cast<std::size_t>(size);
  if (size == 0) return gone();  // every message has at least its version
  if ((header.msg_flags & MSG_TRUNC) != 0) {
    forget();
    return fail(ErrorCode::kInvalidArgument, "a message of the channel is too long");
  }
  return Received{Bytes(buffer_).first(held_), std::move(descriptor)};
}

void Channel::forget() { ::explicit_bzero(buffer_.data(), std::exchange(held_, 0)); }

}  // namespace tidegate::inspect::wire
