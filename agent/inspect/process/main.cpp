// SPDX-License-Identifier: Apache-2.0
// tidegate-inspector: reads captured packets and TLS secrets where they can do no harm. Started by tidegated and by
// `tidegate inspect` only, with a channel as descriptor 3; docs/inspection.md says what it may do.
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <utility>

#include "agent/inspect/process/live.hpp"
#include "agent/inspect/process/offline.hpp"
#include "agent/inspect/process/prologue.hpp"
#include "agent/inspect/sandbox/sandbox.hpp"

namespace tidegate::inspect::process {
namespace {

bool has_channel() {
  int type = 0;
  socklen_t size = sizeof type;
  return getsockopt(wire::kChannelFd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

void forget_signals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) std::signal(number, SIG_DFL);
}

Status run(wire::Channel& channel) {
  TIDEGATE_ASSIGN(Beginning beginning, read_beginning(channel));
  if (beginning.start.mode >= wire::Start::Mode::kExamine) {
    return fail(ErrorCode::kInvalidArgument, "the inspector was started in place of the examiner");
  }
  TIDEGATE_TRY(place_payloads(beginning.start));
  TIDEGATE_TRY(sandbox::isolate(handed_over(beginning.start)));
  const bool live = beginning.start.mode == wire::Start::Mode::kLive;
  prepare_libraries(live ? beginning.start.workers + 1U : 1U);
  // Nothing of the settings stays here: keys in them are replaced.
  return live ? run_live(channel, std::move(beginning), system_clock())
              : run_offline(channel, beginning, system_clock());
}

int start() {
  if (!has_channel()) {
    std::fputs("tidegate-inspector: is started by tidegated and by `tidegate inspect`, not by hand\n", stderr);
    return 2;
  }
  forget_signals();
  static wire::Channel channel{UniqueFd(wire::kChannelFd)};  // never closed: the sandbox does not allow it
  const Status done = run(channel);
  // The other side gone is the orderly end of a process that serves it.
  if (done || done.error().code == ErrorCode::kUnavailable) return 0;
  say_problem(channel, done.error().message, true);
  return 1;
}

}  // namespace
}  // namespace tidegate::inspect::process

// Without the handlers that libraries left for the end: nothing is worth a system call any more.
int main() { _exit(tidegate::inspect::process::start()); }
