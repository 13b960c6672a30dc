// SPDX-License-Identifier: Apache-2.0
// One worker's whole path from packet to summary: capture, TCP, TLS, HTTP. Knows no process, socket or thread.
#pragma once

#include <memory>

#include "agent/inspect/capture/captured_frame.hpp"
#include "agent/inspect/http/http_stream.hpp"
#include "agent/inspect/keys/key_store.hpp"
#include "agent/inspect/model/counters.hpp"
#include "agent/inspect/model/settings.hpp"
#include "agent/inspect/model/summary.hpp"
#include "agent/inspect/tcp/connection_table.hpp"
#include "agent/inspect/tls/tls_stream.hpp"

namespace tidegate::inspect {

// How much is given up under overload, least first. Whole connections, never single packets.
enum class Shedding : std::uint8_t {
  kNone,
  kNewFlows,       // a share of new connections is not admitted, by hash of the flow
  kServerPayload,  // and what servers send is not looked at
};

struct EngineLimits {
  ConnectionTableLimits tcp;
  TlsLimits tls;
  HttpLimits http;
};

// Used by one thread. Settings::memory_bytes is what this engine may keep; its bound is that of the first settings.
// `keys` and `sink` outlive it.
class Engine {
 public:
  Engine(const Settings& settings, KeyStore& keys, SummarySink& sink, const EngineLimits& limits = {});
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void packet(const CapturedFrame& frame);
  void packet(LinkType link, Bytes frame, std::uint32_t wire_size, WallTime time) {
    packet({.link = link, .bytes = frame, .wire_size = wire_size, .time = time});
  }
  // Keys that came, time that passed. Call it at least every few milliseconds while live. Packets move the time too.
  // `caught_up`: no packet of before `now` waits to be read. What did not happen by a time is not said before.
  void tick(WallTime now, bool caught_up = true);
  // The end of a capture: everything open is finished.
  void finish(WallTime now);

  // Connections of services that are no longer inspected are not looked at from then on.
  void set_settings(const Settings& settings);
  void set_shedding(Shedding level, double share_of_new_flows);
  const Counters& counters() const;
  Counters& counters();
  std::size_t connections() const;
  // Connections that wait for keys: while there are any, tick() is worth calling often.
  std::size_t waiting() const;
  std::uint64_t memory_used() const;
  std::uint64_t memory_limit() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidegate::inspect
