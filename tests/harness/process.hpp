// SPDX-License-Identifier: Apache-2.0
// Child processes of tests: started in a network namespace, always reaped, never left behind.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/unique_fd.hpp"

namespace tidegate::harness {

struct ProcessOptions {
  std::string netns = {};                               // name under /run/netns; empty: that of the test
  std::map<std::string, std::string> environment = {};  // added to the test's own
  std::filesystem::path output = {};                    // stdout and stderr go here; empty: captured apart
  std::string input = {};                               // what stdin holds; small
};

struct Finished {
  int exit_code = -1;  // 128 + signal when killed by one
  std::string out;
  std::string err;
};

// Not thread-safe. The destructor kills and reaps.
class Process {
 public:
  // Throws std::system_error when fork or exec fails: a test cannot go on then.
  static Process start(const std::vector<std::string>& command, const ProcessOptions& options = {});
  Process() = default;
  Process(Process&&) noexcept;
  Process& operator=(Process&&) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }
  bool running();
  // Sends a signal if it still runs.
  void signal(int number) const;
  // Waits for the end; none: it did not end in time and still runs.
  std::optional<Finished> wait(std::chrono::milliseconds timeout);
  // SIGTERM, then SIGKILL after `patience`.
  Finished stop(std::chrono::milliseconds patience = std::chrono::seconds(10));

 private:
  void collect(int status);

  pid_t pid_ = -1;
  UniqueFd pidfd_;
  std::filesystem::path in_, out_, err_;
  Finished finished_;
};

// Runs to the end; after `timeout` it is killed and exit_code is 124.
Finished run(const std::vector<std::string>& command, const ProcessOptions& options = {},
             std::chrono::milliseconds timeout = std::chrono::seconds(30));
// As run(), with a command line for /bin/sh; throws with its output when it fails.
std::string shell(const std::string& command, const std::string& netns = "");

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, const std::string& text);

// A directory below the system's place for temporary files, removed with everything in it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace tidegate::harness
