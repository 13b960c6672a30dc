// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/program.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "agent/policy/model.hpp"

#ifndef TIDEGATE_LIBEXEC_DIR
#define TIDEGATE_LIBEXEC_DIR "/usr/local/libexec/tidegate"
#endif

namespace tidegate::inspection {
namespace {

constexpr const char* kName = "tidegate-inspector";
constexpr int kFirstFd = 3;
constexpr int kAside = 200;  // above every number that is handed over
constexpr unsigned kLastCapability = 63;

// ---- in the child, between fork and exec: only async-signal-safe calls ----

// The descriptors first go out of each other's way, then to their places; all others are closed.
bool place(const int* descriptors, std::size_t count, int report) {
  std::array<int, 80> aside{};
  for (std::size_t i = 0; i < count; ++i) {
    aside[i] = ::fcntl(descriptors[i], F_DUPFD, kAside);
    if (aside[i] < 0) return false;
  }
  const int null = ::open("/dev/null", O_RDWR);
  if (null < 0) return false;
  for (int stream = 0; stream < kFirstFd; ++stream) {
    if (::dup2(null, stream) < 0) return false;
  }
  const int last = kFirstFd + static_cast<int>(count);
  const int kept = ::fcntl(report, F_DUPFD_CLOEXEC, kAside);
  for (std::size_t i = 0; i < count; ++i) {
    if (::dup2(aside[i], kFirstFd + static_cast<int>(i)) < 0) return false;
  }
  if (::dup3(kept, last, O_CLOEXEC) < 0) return false;
  return ::syscall(SYS_close_range, static_cast<unsigned>(last) + 1, ~0U, 0U) == 0;
}

void default_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Without no_new_privs an exec as root would bring the capabilities back.
bool drop_privileges() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (unsigned capability = 0; capability <= kLastCapability; ++capability) {
    ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);  // as far as the agent may
  }
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::syscall(SYS_capset, &header, none) == 0;
}

void be_first_to_go() {
  const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  [[maybe_unused]] const auto written = ::write(file, "500", 3);
  ::close(file);
}

[[noreturn]] void become(const char* program, char* name, const int* descriptors, std::size_t count, int report,
                         pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::setpgid(0, 0);
  be_first_to_go();
  default_signals();
  if (place(descriptors, count, report) && drop_privileges()) {
    report = kFirstFd + static_cast<int>(count);
    char* arguments[] = {name, nullptr};
    char* environment[] = {nullptr};
    ::execve(program, arguments, environment);
  }
  const int error = errno;
  [[maybe_unused]] const auto written = ::write(report, &error, sizeof error);
  ::_exit(127);
}

// ---- in the agent ----

std::string how(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "exited with status " + std::to_string(info.si_status);
  return "killed by signal " + std::to_string(info.si_status);
}

std::optional<std::filesystem::path> find(const char* name, const char* in_build_tree) {
  std::error_code ignored;
  const auto here = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  const std::filesystem::path places[] = {here / name, here / in_build_tree / name,
                                          std::filesystem::path(TIDEGATE_LIBEXEC_DIR) / name};
  for (const auto& place : places) {
    if (::access(place.c_str(), X_OK) == 0) return place.lexically_normal();
  }
  return std::nullopt;
}

}  // namespace

Result<std::filesystem::path> find_inspector() {
  if (auto found = find(kName, "../inspect/process")) return std::move(*found);
  return fail(ErrorCode::kNotFound,
              std::string(kName) + " is neither beside tidegated nor in " TIDEGATE_LIBEXEC_DIR ": install it again");
}

Result<std::filesystem::path> find_examiner() {
  if (auto found = find("tidegate-payload", "../payload")) return std::move(*found);
  return fail(ErrorCode::kNotFound, policy::has_payload_examiner()
                                        ? "tidegate-payload is neither beside tidegated nor in " TIDEGATE_LIBEXEC_DIR
                                          ": install it again"
                                        : "payload inspection is not built in: build Tidegate where libmodsecurity-dev "
                                          "and libpcre2-dev are installed");
}

Result<InspectorProcess> InspectorProcess::start(const std::filesystem::path& program,
                                                 const std::vector<int>& descriptors) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "cannot start the inspector");
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  std::string name = program.filename().string();
  const pid_t parent = ::getpid();
  const pid_t child = ::_Fork();  // without the handlers that libraries registered: the child only execs
  if (child < 0) return fail_errno(errno, "cannot start the inspector");
  if (child == 0) become(program.c_str(), name.data(), descriptors.data(), descriptors.size(), write_end.get(), parent);
  write_end.reset();
  InspectorProcess process(child, UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0))));
  int error = 0;
  if (::read(read_end.get(), &error, sizeof error) == sizeof error) {
    return fail_errno(error, "cannot run " + program.string());
  }
  if (!process.pidfd_) return fail_errno(errno, "cannot watch the inspector");
  return process;
}

InspectorProcess::InspectorProcess(InspectorProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

InspectorProcess& InspectorProcess::operator=(InspectorProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

InspectorProcess::~InspectorProcess() {
  if (pid_ < 0) return;
  kill();
  ::waitpid(pid_, nullptr, 0);
}

void InspectorProcess::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

std::optional<std::string> InspectorProcess::ended() {
  siginfo_t info{};
  if (pid_ < 0 || ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0) {
    return std::nullopt;
  }
  pid_ = -1;
  return how(info);
}

}  // namespace tidegate::inspection
