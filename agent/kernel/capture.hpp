// SPDX-License-Identifier: Apache-2.0
// The sockets through which the inspector sees traffic: AF_PACKET behind a locked eBPF filter (bpf/capture.bpf.c).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"

namespace tidegate::kernel {

struct CaptureInterface {
  unsigned index = 0;
  bool loopback = false;  // sees each packet twice; one is left out
  bool readable = true;   // its frames have a header that the filter reads, or none
  bool raw_ip = false;    // none: packets begin with their IP header (tun, ppp)

  friend auto operator<=>(const CaptureInterface&, const CaptureInterface&) = default;
};

// The interface of this name in the network namespace of this process; none: there is none now.
std::optional<CaptureInterface> find_capture_interface(const std::string& name);

// What is captured: TCP from or to one of the ports, on one of the interfaces. Empty: nothing.
struct CaptureScope {
  std::vector<CaptureInterface> interfaces;                    // at most 256
  std::vector<std::pair<std::uint16_t, std::uint16_t>> ports;  // inclusive
  double sample = 1.0;                                         // share of connections, both directions alike
  std::uint64_t seed = 0;  // decides which: flow_hash() of agent/inspect; secret, so that nobody can aim

  friend bool operator==(const CaptureScope&, const CaptureScope&) = default;
};

// What is left out under overload.
struct CaptureShedding {
  double shed = 0.0;          // share of new connections; one that is shed stays out to its end
  bool headers_only = false;  // of what servers send, payload is cut off

  friend bool operator==(const CaptureShedding&, const CaptureShedding&) = default;
};

struct CaptureCounts {
  std::uint64_t shed_connections = 0;
  std::uint64_t shed_packets = 0;
  std::uint64_t fragments = 0;  // of TCP, on the interfaces, that name no ports
};

// The filter and its maps; they end with this object and the sockets. Not thread-safe.
class Capture {
 public:
  // Needs CAP_BPF.
  static Result<std::unique_ptr<Capture>> load();
  virtual ~Capture() = default;

  // Also for sockets that are open. kResourceExhausted: too many interfaces; nothing has changed.
  virtual Status set_scope(const CaptureScope& scope) = 0;
  virtual void set_shedding(const CaptureShedding& shedding) = 0;
  virtual CaptureCounts counts() const = 0;

  // `count` sockets that share the traffic by connection. Each has the filter, which nobody can change any more, and
  // what `prepare` set up (the ring) before the first packet can come in. Needs CAP_NET_RAW.
  virtual Result<std::vector<UniqueFd>> open(unsigned count, const std::function<Status(int fd)>& prepare) = 0;
};

}  // namespace tidegate::kernel
