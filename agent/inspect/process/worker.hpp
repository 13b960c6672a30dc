// SPDX-License-Identifier: Apache-2.0
// One capture ring, one engine, one thread.
#pragma once

#include <atomic>
#include <memory>

#include "agent/base/guarded.hpp"
#include "agent/inspect/capture/ring.hpp"
#include "agent/inspect/engine/engine.hpp"
#include "agent/inspect/engine/shedding_control.hpp"
#include "agent/inspect/keys/key_store.hpp"
#include "agent/inspect/process/outbox.hpp"
#include "agent/inspect/wire/channel.hpp"

namespace tidegate::inspect::process {

// Everything is made by the constructor, before the sandbox closes; run() is the thread's life. `keys`, `channel` and
// `clock` outlive it. set_settings() and stop() may be called by another thread.
class Worker {
 public:
  // `payloads`: where those of sampled requests go; -1: nowhere.
  Worker(std::uint16_t number, int ring_fd, Ring ring, const Settings& settings, KeyStore& keys,
         const wire::Channel& channel, int payloads, const Clock& clock);

  void run();
  void set_settings(const Settings& settings);
  void stop() { stopped_ = true; }

 private:
  int wait_at_most() const;
  bool read_ring();
  void take_settings();
  void look_at_pressure();
  void report(bool now);
  void clear_error() const;
  wire::Statistics statistics() const;

  std::uint16_t number_;
  int ring_fd_;
  Ring ring_;
  const wire::Channel& channel_;
  const Clock& clock_;
  Outbox outbox_;
  Engine engine_;
  SheddingControl shedding_;
  std::uint64_t ring_dropped_ = 0;
  std::uint64_t ring_damaged_ = 0;
  bool dropped_lately_ = false;
  double fill_ = 0;
  MonotonicTime next_look_{0};
  MonotonicTime next_report_{0};
  std::atomic<bool> stopped_ = false;
  std::atomic<bool> has_settings_ = false;
  Guarded<Settings> new_settings_;
};

}  // namespace tidegate::inspect::process
