// SPDX-License-Identifier: Apache-2.0
// The sandboxed process that reads a capture for `tidegate inspect`.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "agent/inspect/wire/channel.hpp"
#include "cli/environment.hpp"
#include "cli/outcome.hpp"

namespace tidegate::cli {

// An input file, opened here: the process can open none.
struct InputFile {
  std::string name;
  UniqueFd fd;
  std::uint64_t size = 0;  // 0: not known
};
// `what`: "capture", for messages.
Outcome<InputFile> open_input(const std::string& what, const std::string& name);

// A running tidegate-inspector. The destructor kills and reaps it. Used by one thread.
class Inspector {
 public:
  // Starts it, and tells it what to do.
  static Outcome<Inspector> start(const Environment& environment, const inspect::Settings& settings, InputFile capture,
                                  std::vector<InputFile> keylogs);
  Inspector(Inspector&& other) noexcept;
  Inspector& operator=(Inspector&&) = delete;
  ~Inspector();

  // The next message; what it refers to lives until the next call. Waits at most a tenth of a second: nullopt, and the
  // caller looks whether it was interrupted.
  Outcome<std::optional<inspect::wire::ToAgent>> next();
  // The name of a file by the descriptor that it was handed over as.
  const std::string& name_of(std::uint32_t descriptor) const;
  std::uint64_t capture_size() const { return capture_size_; }

 private:
  Inspector(pid_t pid, inspect::wire::Channel channel) : pid_(pid), channel_(std::move(channel)) {}
  Failure died();

  pid_t pid_ = -1;
  inspect::wire::Channel channel_;
  std::vector<std::string> names_;  // of the capture, then of the key logs
  std::uint64_t capture_size_ = 0;
};

}  // namespace tidegate::cli
