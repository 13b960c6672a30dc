// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/isolation.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>

namespace tidegate::bench {
namespace {

constexpr const char* kThisNetwork = "/proc/thread-self/ns/net";

Status mount_fresh(const char* type, const char* where) {
  if (mount(type, where, type, 0, nullptr) != 0) {
    return fail_errno(errno, std::string("cannot mount ") + type + " on " + where);
  }
  return {};
}

Result<UniqueFd> open_network() {
  UniqueFd fd(open(kThisNetwork, O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) {
    return fail_errno(errno, kThisNetwork);
  }
  return fd;
}

std::string last_line(const std::string& text) {
  auto end = text.find_last_not_of('\n');
  if (end == std::string::npos) {
    return "no output";
  }
  auto begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1, end - (begin == std::string::npos ? 0 : begin));
}

// The child's part of shell(): never returns.
[[noreturn]] void run_child(int network, int output, const char* command) {
  const bool there = network < 0 || (setns(network, CLONE_NEWNET) == 0 && unshare(CLONE_NEWNS) == 0 &&
                                     mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                                     mount("sysfs", "/sys", "sysfs", 0, nullptr) == 0);
  if (there) {
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execl("/bin/sh", "sh", "-c", command, nullptr);
  }
  _exit(127);
}

}  // namespace

Status isolate() {
  if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0) {
    return fail_errno(errno, "cannot make namespaces (run as root)");
  }
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return fail_errno(errno, "cannot make mounts private");
  }
  TIDEGATE_TRY(mount_fresh("sysfs", "/sys"));
  TIDEGATE_TRY(mount_fresh("bpf", "/sys/fs/bpf"));
  return shell(-1, "ip link set lo up");
}

Status pin_to_cpu(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof(set), &set) != 0) {
    return fail_errno(errno, "cannot run on CPU " + std::to_string(cpu));
  }
  return {};
}

Result<UniqueFd> new_network() {
  TIDEGATE_ASSIGN(auto here, open_network());
  if (unshare(CLONE_NEWNET) != 0) {
    return fail_errno(errno, "cannot make a network namespace");
  }
  auto made = open_network();
  if (setns(here.get(), CLONE_NEWNET) != 0) {
    return fail_errno(errno, "cannot go back to the first network namespace");
  }
  return made;
}

Status shell(int network, const std::string& command) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) {
    return fail_errno(errno, "pipe");
  }
  const pid_t child = fork();
  if (child == 0) {
    run_child(network, ends[1], command.c_str());
  }
  close(ends[1]);
  std::string output;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = read(ends[0], buffer.data(), buffer.size())) > 0;) {
    output.append(buffer.data(), static_cast<std::size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
    return fail(ErrorCode::kInternal, command.substr(0, 120) + ": " + last_line(output));
  }
  return {};
}

std::uint64_t monotonic_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
    seed = monotonic_ns();
  }
  return seed;
}

}  // namespace tidegate::bench
