// SPDX-License-Identifier: Apache-2.0
// One life of the inspector, or of the examiner, seen from the agent: its process, the channel to it, what waits to be
// sent.
#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/inspect/wire/channel.hpp"
#include "agent/inspect/wire/messages.hpp"
#include "agent/inspection/program.hpp"

namespace tidegate::inspection {

// Used by one thread, which has to outlive it.
class Session {
 public:
  // Starts the program with these descriptors besides the channel, and says Start.
  static Result<Session> start(const std::filesystem::path& program, const std::vector<int>& others,
                               const inspect::wire::Start& how, MonotonicTime now);
  Session(Session&&) noexcept = default;
  Session& operator=(Session&&) noexcept = default;
  // Asks it to end and waits a moment, then kills it.
  ~Session();

  // Sent now or when there is room, in this order; `secret` is wiped afterwards. The descriptor is not kept.
  // kResourceExhausted: too much waits already.
  Status send(std::vector<std::byte> message, int descriptor = -1, bool secret = false);
  Status send(const inspect::wire::ToInspector& message, int descriptor = -1, bool secret = false);
  Status send(const inspect::Settings& settings);

  // Sends what waits, as far as there is room.
  Status flush();
  bool wants_to_write() const { return !outbox_.empty(); }
  std::size_t waiting_bytes() const { return waiting_; }

  // At most `most` messages that are there, each handed to `take`. An error: the channel is gone or carries nonsense,
  // the inspector is of no use any more.
  Status receive(std::size_t most, const std::function<void(const inspect::wire::ToAgent&)>& take, MonotonicTime now);

  // Since when one of its threads has not been heard of, or it has not become ready.
  MonotonicTime silent_since() const;
  bool ready() const { return ready_.has_value(); }
  const std::optional<inspect::wire::Ready>& facts() const { return ready_; }
  MonotonicTime started() const { return started_; }
  int channel_fd() const { return channel_.fd(); }
  InspectorProcess& process() { return process_; }

 private:
  struct Waiting {
    std::vector<std::byte> message;
    UniqueFd descriptor;
    bool secret = false;
  };
  Session(InspectorProcess process, inspect::wire::Channel channel, const inspect::wire::Start& how, MonotonicTime now)
      : process_(std::move(process)),
        channel_(std::move(channel)),
        workers_(how.workers),
        reads_keys_(how.mode == inspect::wire::Start::Mode::kLive),
        started_(now) {}
  void note(const inspect::wire::ToAgent& message, MonotonicTime now);

  InspectorProcess process_;
  inspect::wire::Channel channel_;
  unsigned workers_;
  bool reads_keys_;
  MonotonicTime started_;
  std::deque<Waiting> outbox_;
  std::size_t waiting_ = 0;
  std::optional<inspect::wire::Ready> ready_;
  std::map<std::uint32_t, MonotonicTime> heard_;  // of each worker, and of the thread that reads keys
};

}  // namespace tidegate::inspection
