// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/sockets.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace tidegate::harness {
namespace {

using Steady = std::chrono::steady_clock;

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

struct Endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
  int family() const { return address.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

Endpoint endpoint(const std::string& text, std::uint16_t port) {
  Endpoint result;
  auto& v4 = reinterpret_cast<sockaddr_in&>(result.address);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(result.address);
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    result.size = sizeof v4;
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    result.size = sizeof v6;
  } else {
    throw std::runtime_error("not an address: " + text);
  }
  return result;
}

std::string text_of(const sockaddr_in6& from) {
  char text[INET6_ADDRSTRLEN];
  if (IN6_IS_ADDR_V4MAPPED(&from.sin6_addr)) {
    return ::inet_ntop(AF_INET, &from.sin6_addr.s6_addr[12], text, sizeof text);
  }
  return ::inet_ntop(AF_INET6, &from.sin6_addr, text, sizeof text);
}

UniqueFd listening(int type, std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int off = 0, on = 1, buffer = 64 << 20;
  ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  const Endpoint any = endpoint("::", port);
  if (::bind(fd.get(), any.get(), any.size) != 0) throw_errno("bind port " + std::to_string(port));
  if (type == SOCK_STREAM && ::listen(fd.get(), 4096) != 0) throw_errno("listen");
  return fd;
}

UniqueFd bound(int type, const Endpoint& source) {
  UniqueFd fd(::socket(source.family(), type | SOCK_CLOEXEC, 0));
  if (::bind(fd.get(), source.get(), source.size) != 0) throw_errno("bind source");
  return fd;
}

bool ready(int fd, short events, Steady::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now());
  pollfd waiting{fd, events, 0};
  return left.count() > 0 && ::poll(&waiting, 1, static_cast<int>(left.count())) > 0;
}

}  // namespace

UdpSink::UdpSink(const NetNs& space, std::uint16_t port) {
  space.in([&] { fd_ = listening(SOCK_DGRAM, port); });
  thread_ = std::jthread([this](const std::stop_token& stop) { receive(stop); });
}

UdpSink::~UdpSink() = default;

void UdpSink::receive(const std::stop_token& stop) {
  std::vector<char> data(65536);
  while (!stop.stop_requested()) {
    ready(fd_.get(), POLLIN, Steady::now() + std::chrono::milliseconds(20));
    sockaddr_in6 from{};
    socklen_t size = sizeof from;
    while (::recvfrom(fd_.get(), data.data(), data.size(), 0, reinterpret_cast<sockaddr*>(&from), &size) >= 0) {
      ++(*counts_.lock())[text_of(from)];
    }
  }
}

std::uint64_t UdpSink::from(const std::string& source) const {
  auto counts = counts_.lock();
  const auto found = counts->find(source);
  return found == counts->end() ? 0 : found->second;
}

std::uint64_t UdpSink::all() const {
  std::uint64_t sum = 0;
  for (const auto& [source, count] : *counts_.lock()) sum += count;
  return sum;
}

UdpSource::UdpSource(const NetNs& space, const std::string& source, const std::string& destination,
                     std::uint16_t port) {
  const Endpoint to = endpoint(destination, port);
  space.in([&] {
    fd_ = bound(SOCK_DGRAM, endpoint(source, 0));
    if (::connect(fd_.get(), to.get(), to.size) != 0) throw_errno("connect " + destination);
  });
}

void UdpSource::send(std::size_t bytes) const {
  static const std::vector<char> data(65536, 'x');
  // ECONNREFUSED tells of an earlier datagram that met no socket; this one has not been sent then.
  while (::send(fd_.get(), data.data(), bytes, 0) < 0) {
    if (errno != ECONNREFUSED && errno != ENOBUFS && errno != EAGAIN) throw_errno("send UDP");
  }
}

void UdpSource::send_evenly(std::uint64_t count, std::chrono::milliseconds time, std::size_t bytes) const {
  const auto begin = Steady::now();
  for (std::uint64_t i = 0; i < count; ++i) {
    std::this_thread::sleep_until(begin + time * i / count);
    send(bytes);
  }
}

UdpResponder::UdpResponder(const NetNs& space, const std::string& address, std::uint16_t port) {
  space.in([&] { fd_ = bound(SOCK_DGRAM, endpoint(address, port)); });
  thread_ = std::jthread([this](const std::stop_token& stop) {
    char data[2048];
    while (!stop.stop_requested()) {
      Endpoint from;
      from.size = sizeof from.address;
      if (!ready(fd_.get(), POLLIN, Steady::now() + std::chrono::milliseconds(20))) continue;
      const ssize_t size =
          ::recvfrom(fd_.get(), data, sizeof data, 0, reinterpret_cast<sockaddr*>(&from.address), &from.size);
      if (size >= 0) ::sendto(fd_.get(), data, static_cast<std::size_t>(size), 0, from.get(), from.size);
    }
  });
}

struct UdpQuery::Peer {
  Endpoint at;
};

UdpQuery::UdpQuery(const NetNs& space, const std::string& source, std::uint16_t source_port,
                   const std::string& destination, std::uint16_t port, Kind kind) {
  const Endpoint to = endpoint(destination, port);
  space.in([&] { fd_ = bound(SOCK_DGRAM, endpoint(source, source_port)); });
  if (kind == Kind::kUnconnected) {
    peer_ = std::make_unique<const Peer>(to);
  } else if (::connect(fd_.get(), to.get(), to.size) != 0) {
    throw_errno("connect " + destination);
  }
}

UdpQuery::~UdpQuery() = default;

unsigned UdpQuery::ask(unsigned count, std::chrono::milliseconds patience) const {
  unsigned answers = 0;
  for (unsigned i = 0; i < count && i - answers < 3; ++i) {
    char data[] = "who is there?";
    const sockaddr* to = peer_ ? peer_->at.get() : nullptr;
    if (::sendto(fd_.get(), data, sizeof data, 0, to, peer_ ? peer_->at.size : 0) < 0) throw_errno("ask");
    if (!ready(fd_.get(), POLLIN, Steady::now() + patience)) continue;
    answers += ::recv(fd_.get(), data, sizeof data, 0) == sizeof data ? 1 : 0;
  }
  return answers;
}

EchoServer::EchoServer(const NetNs& space, std::uint16_t port) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  space.in([&] { listener_ = listening(SOCK_STREAM, port); });
  epoll_event event{EPOLLIN, {.fd = listener_.get()}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.get(), &event);
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

EchoServer::~EchoServer() = default;

void EchoServer::serve(const std::stop_token& stop) {
  std::vector<char> data(1 << 16);
  while (!stop.stop_requested()) {
    epoll_event event{};
    if (::epoll_wait(epoll_.get(), &event, 1, 20) <= 0) continue;
    if (event.data.fd == listener_.get()) {
      UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) continue;
      epoll_event readable{EPOLLIN, {.fd = client.get()}};
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, client.get(), &readable);
      const int number = client.get();
      clients_[number] = std::move(client);
      continue;
    }
    const ssize_t size = ::recv(event.data.fd, data.data(), data.size(), MSG_DONTWAIT);
    if (size > 0) {
      ::send(event.data.fd, data.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL);
    } else if (size == 0 || errno != EAGAIN) {
      clients_.erase(event.data.fd);
    }
  }
}

TcpClient::TcpClient(const NetNs& space, const std::string& source, const std::string& destination, std::uint16_t port,
                     std::chrono::milliseconds timeout) {
  const Endpoint to = endpoint(destination, port);
  UniqueFd fd;
  space.in([&] { fd = bound(SOCK_STREAM | SOCK_NONBLOCK, endpoint(source, 0)); });
  if (::connect(fd.get(), to.get(), to.size) != 0 && errno != EINPROGRESS) return;
  int error = 0;
  socklen_t size = sizeof error;
  if (!ready(fd.get(), POLLOUT, Steady::now() + timeout)) return;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error == 0) fd_ = std::move(fd);
}

bool TcpClient::echo(std::size_t bytes, std::chrono::milliseconds timeout) const {
  const auto deadline = Steady::now() + timeout;
  std::vector<char> data(bytes, 'x');
  std::size_t sent = 0, received = 0;
  while (received < bytes) {
    if (sent < bytes) {
      const ssize_t size = ::send(fd_.get(), data.data() + sent, bytes - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (size > 0) sent += static_cast<std::size_t>(size);
    }
    if (!ready(fd_.get(), POLLIN, deadline)) return false;
    const ssize_t size = ::recv(fd_.get(), data.data(), data.size(), MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN)) return false;
    if (size > 0) received += static_cast<std::size_t>(size);
  }
  return true;
}

unsigned TcpClient::retransmissions() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  ::getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &info, &size);
  return info.tcpi_total_retrans;
}

double download(const NetNs& from, const std::string& address, const NetNs& to, std::size_t bytes,
                std::chrono::milliseconds timeout) {
  UniqueFd listener, reader;
  from.in([&] { listener = listening(SOCK_STREAM, 8080); });
  const Endpoint server = endpoint(address, 8080);
  to.in([&] { reader.reset(::socket(server.family(), SOCK_STREAM | SOCK_CLOEXEC, 0)); });
  const auto begin = Steady::now(), deadline = begin + timeout;
  if (::connect(reader.get(), server.get(), server.size) != 0 || !ready(listener.get(), POLLIN, deadline)) return 0;
  UniqueFd writer(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  const std::jthread sending([&] {
    const std::vector<char> data(1 << 18, 'x');
    for (std::size_t left = bytes; left > 0;) {
      const ssize_t size = ::send(writer.get(), data.data(), std::min(left, data.size()), MSG_NOSIGNAL);
      if (size <= 0) return;
      left -= static_cast<std::size_t>(size);
    }
  });
  std::vector<char> data(1 << 18);
  std::size_t received = 0;
  while (received < bytes && ready(reader.get(), POLLIN, deadline)) {
    const ssize_t size = ::recv(reader.get(), data.data(), data.size(), 0);
    if (size <= 0) break;
    received += static_cast<std::size_t>(size);
  }
  reader.reset();  // ends the sender, should it still wait
  const std::chrono::duration<double> time = Steady::now() - begin;
  return received == bytes ? static_cast<double>(bytes) / 1e6 / time.count() : 0;
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds timeout) {
  const auto deadline = Steady::now() + timeout;
  while (!condition()) {
    if (Steady::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace tidegate::harness
