// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/process/worker.hpp"

#include <poll.h>
#include <sys/socket.h>

namespace tidegate::inspect::process {
namespace {

using std::chrono::milliseconds;

constexpr int kFramesAPass = 2048;  // then summaries are sent and keys looked for
constexpr milliseconds kBetweenLooks{10};
constexpr milliseconds kBetweenReports{250};
constexpr int kWaitForKeys = 2;       // ms
constexpr int kWaitForPackets = 100;  // ms; a packet ends it

std::uint32_t millionths(double share) { return static_cast<std::uint32_t>(share * 1e6); }

}  // namespace

Worker::Worker(std::uint16_t number, int ring_fd, Ring ring, const Settings& settings, KeyStore& keys,
               const wire::Channel& channel, int payloads, const Clock& clock)
    : number_(number),
      ring_fd_(ring_fd),
      ring_(std::move(ring)),
      channel_(channel),
      clock_(clock),
      outbox_(channel, payloads),
      engine_(settings, keys, outbox_) {}

void Worker::set_settings(const Settings& settings) {
  *new_settings_.lock() = settings;
  has_settings_ = true;
}

void Worker::take_settings() {
  if (!has_settings_.exchange(false)) return;
  const Settings settings = std::move(*new_settings_.lock());  // and leaves no key there
  engine_.set_settings(settings);
}

int Worker::wait_at_most() const { return engine_.waiting() > 0 ? kWaitForKeys : kWaitForPackets; }

// False: nothing is left.
bool Worker::read_ring() {
  CapturedFrame frame;
  for (int i = 0; i < kFramesAPass; ++i) {
    if (!ring_.next(frame)) return false;
    engine_.packet(frame);
  }
  return true;
}

void Worker::look_at_pressure() {
  if (clock_.monotonic() < next_look_) return;
  next_look_ = clock_.monotonic() + kBetweenLooks;
  fill_ = ring_.fill();
  const double memory = static_cast<double>(engine_.memory_used()) / static_cast<double>(engine_.memory_limit());
  const Pressure pressure{.ring_fill = fill_, .memory_used = memory, .dropped = std::exchange(dropped_lately_, false)};
  if (!shedding_.look(pressure, clock_.monotonic())) return;
  engine_.set_shedding(shedding_.level(), shedding_.share_of_new_flows());
  report(true);
}

wire::Statistics Worker::statistics() const {
  return {.worker = number_,
          .counters = engine_.counters(),
          .connections = engine_.connections(),
          .memory_bytes = engine_.memory_used(),
          .shedding = static_cast<std::uint8_t>(shedding_.level()),
          .shed_millionth = millionths(shedding_.share_of_new_flows()),
          .ring_fill_millionth = millionths(fill_)};
}

// A report that finds no room is made again with the next pass.
void Worker::report(bool now) {
  if (!now && clock_.monotonic() < next_report_) return;
  if (const auto totals = ring_.statistics(); totals) {
    engine_.counters().add(Counter::kRingDropped, totals->dropped - ring_dropped_);
    dropped_lately_ = dropped_lately_ || totals->dropped != ring_dropped_;
    ring_dropped_ = totals->dropped;
  }
  engine_.counters().add(Counter::kRingDamaged, ring_.damaged() - std::exchange(ring_damaged_, ring_.damaged()));
  engine_.counters().add(Counter::kSummariesDropped, outbox_.take_dropped());
  const auto sent = channel_.send(wire::encode(wire::ToAgent(statistics())), wire::Wait::kNo);
  if (sent && *sent) next_report_ = clock_.monotonic() + kBetweenReports;
  if (!sent) stop();
}

// An interface that went away is reported once, not by every poll from then on.
void Worker::clear_error() const {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(ring_fd_, SOL_SOCKET, SO_ERROR, &error, &size);
}

void Worker::run() {
  while (!stopped_) {
    take_settings();
    const bool more = read_ring();
    engine_.tick(clock_.wall(), !more);
    if (!outbox_.flush()) stop();
    look_at_pressure();
    report(false);
    if (more || stopped_) continue;
    pollfd entry{ring_fd_, POLLIN, 0};
    poll(&entry, 1, wait_at_most());
    if ((entry.revents & POLLERR) != 0) clear_error();
  }
}

}  // namespace tidegate::inspect::process
