// SPDX-License-Identifier: Apache-2.0
// A child process that enters the sandbox and then tries something.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include "agent/base/unique_fd.hpp"
#include "agent/inspect/sandbox/sandbox.hpp"

namespace tidegate::inspect::sandbox {

// Sanitizers end a process with system calls that the sandbox forbids.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
inline constexpr const char* kWhySanitized = "sanitizers make system calls that the sandbox forbids";

// What became of an attempt.
enum class Fate { kKilled, kEperm, kReachedTheKernel, kSucceeded, kNoSandbox };

inline std::string text_of(Fate fate) {
  const std::array<const char*, 5> names{"killed", "EPERM", "reached the kernel", "succeeded", "no sandbox"};
  return names[static_cast<std::size_t>(fate)];
}

inline bool is_refused(Fate fate) { return fate == Fate::kKilled || fate == Fate::kEperm; }

// The attempt gets the channel's number, and returns what the system call returned.
using Attempt = std::function<long(int channel)>;

// Every exit from here on is by _exit: nothing of the test program runs again.
[[noreturn]] inline void live_in_sandbox(int channel, const std::vector<int>& keep, const Attempt& attempt) {
  Facts facts;
  std::vector<int> kept = keep;
  kept.push_back(channel);
  if (!isolate(kept) || !drop_privileges(64, facts) || !seal(channel, facts)) {
    _exit(static_cast<int>(Fate::kNoSandbox));
  }
  errno = 0;
  const long result = attempt(channel);
  if (result >= 0) _exit(static_cast<int>(Fate::kSucceeded));
  _exit(static_cast<int>(errno == EPERM ? Fate::kEperm : Fate::kReachedTheKernel));
}

// Forks a prisoner; `other` gets our end of its channel.
inline pid_t imprison(const Attempt& attempt, const std::vector<int>& keep = {}, UniqueFd* other = nullptr) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return -1;
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  const pid_t child = fork();
  if (child == 0) live_in_sandbox(theirs.get(), keep, attempt);
  if (other != nullptr) *other = std::move(ours);
  return child;
}

inline Fate fate_of(int status) {
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGSYS ? Fate::kKilled : Fate::kReachedTheKernel;
  return static_cast<Fate>(WEXITSTATUS(status));
}

inline Fate try_in_sandbox(const Attempt& attempt, const std::vector<int>& keep = {}) {
  UniqueFd other;
  const pid_t child = imprison(attempt, keep, &other);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return Fate::kNoSandbox;
  return fate_of(status);
}

}  // namespace tidegate::inspect::sandbox
