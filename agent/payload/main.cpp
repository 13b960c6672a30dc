// SPDX-License-Identifier: Apache-2.0
// tidegate-payload: examines payloads of requests where it can do no harm. Started by tidegated and by
// `tidegate rules test` and `inspect` only, with a channel as descriptor 3; docs/inspection.md says what it may do.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>

#include "agent/payload/process.hpp"

namespace tidegate::payload {
namespace {

namespace wire = inspect::wire;

bool has_channel() {
  int type = 0;
  socklen_t size = sizeof type;
  return getsockopt(wire::kChannelFd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

int start() {
  if (!has_channel()) {
    std::fputs("tidegate-payload: is started by tidegated and `tidegate rules test`, not by hand\n", stderr);
    return 2;
  }
  static wire::Channel channel{UniqueFd(wire::kChannelFd)};  // never closed: the sandbox does not allow it
  const Status done = run(channel, system_clock());
  if (done || done.error().code == ErrorCode::kUnavailable) return 0;
  const wire::Problem problem{.fatal = true, .descriptor = 0, .text = done.error().message};
  static_cast<void>(channel.send(wire::encode(wire::ToAgent(problem)), wire::Wait::kYes));
  return 1;
}

}  // namespace
}  // namespace tidegate::payload

// Without the handlers that libraries left for the end: nothing is worth a system call any more.
int main() { _exit(tidegate::payload::start()); }
