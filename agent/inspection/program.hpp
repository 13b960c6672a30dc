// SPDX-License-Identifier: Apache-2.0
// The process of the inspector: found, started without any privilege, ended.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/error.hpp"
#include "agent/base/unique_fd.hpp"

namespace tidegate::inspection {

// tidegate-inspector: beside the running program, where a build tree has it, or where it is installed. kNotFound names
// the places.
Result<std::filesystem::path> find_inspector();
// Likewise tidegate-payload, which is only there where libmodsecurity was when Tidegate was built.
Result<std::filesystem::path> find_examiner();

// A child process. Not thread-safe; the thread that started it has to live at least as long, because the child dies
// with it.
class InspectorProcess {
 public:
  // Runs `program`, under its own name, with exactly these descriptors as 3, 4, …, an empty environment, standard
  // streams to nowhere, its own process group, no capability and no way to gain one. It dies when the agent does, and
  // is the first to go when memory runs out.
  static Result<InspectorProcess> start(const std::filesystem::path& program, const std::vector<int>& descriptors);
  InspectorProcess(InspectorProcess&& other) noexcept;
  InspectorProcess& operator=(InspectorProcess&& other) noexcept;
  // Kills and reaps.
  ~InspectorProcess();

  pid_t pid() const { return pid_; }
  // Readable once it has ended.
  int pidfd() const { return pidfd_.get(); }
  void kill();
  // How it ended, as one phrase ("killed by signal 9"), when it has.
  std::optional<std::string> ended();

 private:
  InspectorProcess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

}  // namespace tidegate::inspection
