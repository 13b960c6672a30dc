// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect/sandboxed.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "agent/inspect/wire/confined.hpp"

namespace tidegate::cli {
namespace {

namespace wire = inspect::wire;

constexpr int kAside = 64;  // above every number that a process finds its descriptors at

// Beside this program in a build tree, else where it is installed.
Outcome<std::string> find_program(const Environment& environment, const SandboxedProgram& program) {
  if (const auto named = environment.variable(program.variable)) return *named;
  std::error_code ignored;
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  const std::filesystem::path libexec = std::filesystem::path(TIDEGATE_LIBEXEC_DIR) / program.name;
  for (const auto& place :
       {here / program.in_build_tree / program.name, here / "../libexec/tidegate" / program.name, libexec}) {
    if (access(place.c_str(), X_OK) == 0) return place.lexically_normal().string();
  }
  return refuse("cannot find " + std::string(program.name) + ", which " + program.does +
                " in a sandbox; it is installed as " + libexec.string());
}

// What the child finds at its numbers: a spawn's list of descriptors to put there.
class Handover {
 public:
  explicit Handover(const char* to) : to_(to) { posix_spawn_file_actions_init(&actions_); }
  ~Handover() { posix_spawn_file_actions_destroy(&actions_); }
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  // First to a number that no other one takes the place of.
  Status add(int fd, int as) {
    UniqueFd aside(fcntl(fd, F_DUPFD_CLOEXEC, kAside));
    if (!aside) return fail_errno(errno, std::string("cannot hand a file to ") + to_);
    posix_spawn_file_actions_adddup2(&actions_, aside.get(), as);
    held_.push_back(std::move(aside));
    return {};
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  const char* to_;
  posix_spawn_file_actions_t actions_{};
  std::vector<UniqueFd> held_;
};

// In a process group of its own: Ctrl-C is ours to answer.
Result<pid_t> spawn(const std::string& program, std::string name, const Handover& handover) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  char* const arguments[] = {name.data(), nullptr};
  char* const environment[] = {nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, program.c_str(), handover.actions(), &attributes, arguments, environment);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return fail_errno(error, "cannot start " + program);
  return pid;
}

}  // namespace

Outcome<Sandboxed> Sandboxed::start(const Environment& environment, const SandboxedProgram& program,
                                    const std::vector<int>& descriptors) {
  TIDEGATE_ASSIGN(const std::string path, find_program(environment, program));
  TIDEGATE_ASSIGN(auto ends, wire::Channel::pair());
  Handover handover(program.name);
  TIDEGATE_TRY(handover.add(ends.second.get(), wire::kChannelFd));
  int as = wire::kChannelFd;
  for (const int descriptor : descriptors) TIDEGATE_TRY(handover.add(descriptor, ++as));
  TIDEGATE_ASSIGN(const pid_t pid, spawn(path, program.name, handover));
  return Sandboxed(program.name, pid, wire::Channel(std::move(ends.first)));
}

Sandboxed::Sandboxed(Sandboxed&& other) noexcept
    : name_(other.name_),
      pid_(std::exchange(other.pid_, -1)),
      channel_(std::move(other.channel_)),
      confined_(other.confined_) {}

void Sandboxed::kill() {
  channel_.close();
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

std::string Sandboxed::died() {
  channel_.close();
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return std::string(name_) + (WIFSIGNALED(status) ? " was killed by signal " + std::to_string(WTERMSIG(status))
                                                   : " ended with status " + std::to_string(WEXITSTATUS(status)));
}

Status Sandboxed::judge(const wire::ToAgent& message) {
  if (confined_ || std::holds_alternative<wire::Problem>(message)) return {};
  const auto* ready = std::get_if<wire::Ready>(&message);
  confined_ = ready != nullptr && wire::is_confined(*ready);
  if (confined_) return {};
  return fail(ErrorCode::kFailedPrecondition, std::string(name_) +
                                                  " is not in its sandbox and was ended; is it of this version, and "
                                                  "does the kernel have seccomp filters?");
}

Result<std::optional<wire::ToAgent>> Sandboxed::take() {
  TIDEGATE_ASSIGN(const auto received, channel_.receive(wire::Wait::kNo));
  if (!received) return std::optional<wire::ToAgent>();
  TIDEGATE_ASSIGN(wire::ToAgent message, wire::decode_to_agent(received->message));
  TIDEGATE_TRY(judge(message));
  return std::optional<wire::ToAgent>(std::move(message));
}

}  // namespace tidegate::cli
