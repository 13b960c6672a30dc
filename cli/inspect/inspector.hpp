// SPDX-License-Identifier: Apache-2.0
// The sandboxed process that reads a capture.
#pragma once

#include <string>
#include <vector>

#include "cli/inspect/sandboxed.hpp"

namespace tidegate::cli {

// An input file, opened here: the process can open none.
struct InputFile {
  std::string name;
  UniqueFd fd;
  std::uint64_t size = 0;  // 0: not known
};
// `what`: "capture", for messages.
Outcome<InputFile> open_input(const std::string& what, const std::string& name);

// A running tidegate-inspector. Used by one thread.
class Inspector {
 public:
  // Starts it, and tells it what to do. `payloads`: where those that the settings ask for go; may be none.
  static Outcome<Inspector> start(const Environment& environment, const inspect::Settings& settings, InputFile capture,
                                  std::vector<InputFile> keylogs, UniqueFd payloads);

  struct Heard {
    std::optional<inspect::wire::ToAgent>
        message;         // nullopt: look what else there is, and whether the user still waits
    bool pause = false;  // a tenth of a second passed in which nothing came
  };
  // The next message; what it refers to lives until the next call. Waits for a pause, or until `other` is readable.
  Outcome<Heard> next(int other = -1);
  // The name of a file by the descriptor that it was handed over as.
  const std::string& name_of(std::uint32_t descriptor) const;
  std::uint64_t capture_size() const { return capture_size_; }

 private:
  Inspector(Sandboxed process, std::vector<std::string> names, std::uint64_t capture_size)
      : process_(std::move(process)), names_(std::move(names)), capture_size_(capture_size) {}
  Failure died();

  Sandboxed process_;
  std::vector<std::string> names_;  // of the capture, then of the key logs
  std::uint64_t capture_size_;
};

}  // namespace tidegate::cli
