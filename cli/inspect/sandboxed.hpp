// SPDX-License-Identifier: Apache-2.0
// A process that reads foreign bytes for a command, where they can do no harm.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "agent/inspect/wire/channel.hpp"
#include "cli/environment.hpp"
#include "cli/outcome.hpp"

namespace tidegate::cli {

struct SandboxedProgram {
  const char* name;
  const char* variable;       // of the environment: another place, for tests
  const char* in_build_tree;  // its directory, from that of this program
  const char* does;           // "reads captures"
};

// The destructor kills and reaps it. Used by one thread.
class Sandboxed {
 public:
  // It finds the channel as descriptor 3 and `descriptors` behind it. It dies with this process.
  static Outcome<Sandboxed> start(const Environment& environment, const SandboxedProgram& program,
                                  const std::vector<int>& descriptors);
  Sandboxed(Sandboxed&& other) noexcept;
  Sandboxed& operator=(Sandboxed&&) = delete;
  ~Sandboxed() { kill(); }

  Result<bool> send(inspect::Bytes message) const { return channel_.send(message, inspect::wire::Wait::kYes); }
  // The next message, without waiting for one; what it refers to lives until the next call. kUnavailable: it has ended.
  // kFailedPrecondition: it speaks of anything but problems before it has said that it is confined, or says that it is
  // not; nothing is to be taken from it.
  Result<std::optional<inspect::wire::ToAgent>> take();
  // Readable when there is a message.
  int fd() const { return channel_.fd(); }
  // Waits for its end, and says how it was: "tidegate-inspector was killed by signal 9".
  std::string died();
  // Ends it, if it has not ended. Nothing else is called then.
  void kill();

 private:
  Sandboxed(const char* name, pid_t pid, inspect::wire::Channel channel)
      : name_(name), pid_(pid), channel_(std::move(channel)) {}

  Status judge(const inspect::wire::ToAgent& message);

  const char* name_;
  pid_t pid_;
  inspect::wire::Channel channel_;
  bool confined_ = false;
};

}  // namespace tidegate::cli
