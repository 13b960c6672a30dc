// SPDX-License-Identifier: Apache-2.0
// One end of the channel: AF_UNIX, SOCK_SEQPACKET. Uses sendmsg, recvmsg and poll only, which the sandbox permits on
// it.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"
#include "agent/inspect/wire/messages.hpp"

namespace tidegate::inspect::wire {

enum class Wait : std::uint8_t { kNo, kYes };

struct Received {
  Bytes message;        // lives until the next receive() or forget()
  UniqueFd descriptor;  // what came with it; at most one, others were closed
};

// One message on such a socket. False: no room now (Wait::kNo only). kUnavailable: the other side has gone.
Result<bool> send_on(int fd, Bytes message, Wait wait, int descriptor = -1);

// One thread may send while another receives; two that send at once are fine too, a message is sent whole or not.
class Channel {
 public:
  explicit Channel(UniqueFd fd) : fd_(std::move(fd)), buffer_(kMostBytes) {}

  // Both ends, close-on-exec, with room for several batches: the first for the agent, the second for the inspector.
  static Result<std::pair<UniqueFd, UniqueFd>> pair();

  // As send_on().
  Result<bool> send(Bytes message, Wait wait, int descriptor = -1) const {
    return send_on(fd_.get(), message, wait, descriptor);
  }
  // nullopt: nothing is there, or a signal came. kUnavailable: the other side has gone; kInvalidArgument: longer than
  // kMostBytes.
  Result<std::optional<Received>> receive(Wait wait);

  // Wipes what was received last.
  void forget();

  int fd() const { return fd_.get(); }
  void close() { fd_.reset(); }

 private:
  UniqueFd fd_;
  SecretBytes buffer_;
  std::size_t held_ = 0;  // of it, from the last message
};

// Who receives secrets has one of these while it takes a message: at its end it wipes what was received.
class Forgetting {
 public:
  explicit Forgetting(Channel& channel) : channel_(channel) {}
  ~Forgetting() { channel_.forget(); }
  Forgetting(const Forgetting&) = delete;
  Forgetting& operator=(const Forgetting&) = delete;

 private:
  Channel& channel_;
};

}  // namespace tidegate::inspect::wire
