// SPDX-License-Identifier: Apache-2.0
// A program on a terminal of its own: what it draws is read, keys are pressed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/unique_fd.hpp"

namespace tidegate::harness {

// 100 columns, 30 lines, TERM=xterm. Not thread-safe; the destructor kills and reaps.
class Terminal {
 public:
  explicit Terminal(const std::vector<std::string>& command);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // True when all that was drawn holds `text` before `timeout` is over. What xterm is told between the words counts.
  bool shows(const std::string& text, std::chrono::milliseconds timeout);
  // True when something is drawn within `timeout` from now.
  bool draws(std::chrono::milliseconds timeout) { return read_some(std::chrono::steady_clock::now() + timeout); }
  void press(char key) const;
  // The exit code; none: it still runs.
  std::optional<int> wait(std::chrono::milliseconds timeout);
  const std::string& drawn() const { return drawn_; }

 private:
  bool read_some(std::chrono::steady_clock::time_point deadline);

  UniqueFd side_;
  pid_t pid_ = -1;
  std::string drawn_;
};

}  // namespace tidegate::harness
