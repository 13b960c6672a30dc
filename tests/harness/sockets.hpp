// SPDX-License-Identifier: Apache-2.0
// Real peers: UDP that is counted on arrival, TCP whose retransmissions are seen.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "agent/base/guarded.hpp"
#include "agent/base/unique_fd.hpp"
#include "tests/harness/netns.hpp"

namespace tidegate::harness {

// Receives UDP on both families and counts by source address.
class UdpSink {
 public:
  UdpSink(const NetNs& space, std::uint16_t port);
  ~UdpSink();
  std::uint64_t from(const std::string& source) const;
  std::uint64_t all() const;

 private:
  void receive(const std::stop_token& stop);

  UniqueFd fd_;
  mutable Guarded<std::map<std::string, std::uint64_t>> counts_;
  std::jthread thread_;
};

// A UDP socket bound to one source address.
class UdpSource {
 public:
  UdpSource(const NetNs& space, const std::string& source, const std::string& destination, std::uint16_t port);
  void send(std::size_t bytes = 32) const;
  // `count` datagrams, spread evenly over `time`.
  void send_evenly(std::uint64_t count, std::chrono::milliseconds time, std::size_t bytes = 32) const;

 private:
  UniqueFd fd_;
};

// Answers every datagram that comes to one address and port.
class UdpResponder {
 public:
  UdpResponder(const NetNs& space, const std::string& address, std::uint16_t port);

 private:
  UniqueFd fd_;
  std::jthread thread_;
};

// A UDP socket bound to an address and port that asks one peer, connected to it or not.
class UdpQuery {
 public:
  enum class Kind { kConnected, kUnconnected };
  // `source_port` 0: any.
  UdpQuery(const NetNs& space, const std::string& source, std::uint16_t source_port, const std::string& destination,
           std::uint16_t port, Kind kind);
  ~UdpQuery();
  // Asks `count` times, one after the other, and returns how many answers came, each within `patience`. After three
  // that did not come it gives up.
  unsigned ask(unsigned count, std::chrono::milliseconds patience) const;

 private:
  struct Peer;
  UniqueFd fd_;
  std::unique_ptr<const Peer> peer_;  // of an unconnected one
};

// Echoes whatever its clients send; any number of them.
class EchoServer {
 public:
  EchoServer(const NetNs& space, std::uint16_t port);
  ~EchoServer();

 private:
  void serve(const std::stop_token& stop);

  UniqueFd listener_, epoll_;
  std::map<int, UniqueFd> clients_;
  std::jthread thread_;
};

class TcpClient {
 public:
  // Not connected when that takes longer than `timeout`.
  TcpClient(const NetNs& space, const std::string& source, const std::string& destination, std::uint16_t port,
            std::chrono::milliseconds timeout);
  bool connected() const { return static_cast<bool>(fd_); }
  // Sends `bytes` and reads them back; false when that takes longer than `timeout`.
  bool echo(std::size_t bytes, std::chrono::milliseconds timeout) const;
  // Segments that were sent more than once since the connection began.
  unsigned retransmissions() const;

 private:
  UniqueFd fd_;
};

// `to` connects to `from` and reads `bytes` that it sends; megabytes per second, 0 when that takes longer than
// `timeout`.
double download(const NetNs& from, const std::string& address, const NetNs& to, std::size_t bytes,
                std::chrono::milliseconds timeout);

// Repeats `condition` until it holds or `timeout` is over; for states that nothing announces.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds timeout);

}  // namespace tidegate::harness
