// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect/inspector.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "agent/inspect/wire/settings_parts.hpp"

namespace tidegate::cli {
namespace {

namespace wire = inspect::wire;

constexpr int kAside = 64;  // above every number that the process finds its descriptors at
constexpr const char* kProgram = "tidegate-inspector";

// Beside this program in a build tree, else where it is installed.
Outcome<std::string> find_program(const Environment& environment) {
  if (const auto named = environment.variable("TIDEGATE_INSPECTOR")) return *named;
  std::error_code ignored;
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  const std::filesystem::path libexec = std::filesystem::path(TIDEGATE_LIBEXEC_DIR) / kProgram;
  for (const auto& place :
       {here / "../agent/inspect/process" / kProgram, here / "../libexec/tidegate" / kProgram, libexec}) {
    if (access(place.c_str(), X_OK) == 0) return place.lexically_normal().string();
  }
  return refuse("cannot find " + std::string(kProgram) + ", which reads captures in a sandbox; it is installed as " +
                libexec.string());
}

// What the child finds at its numbers: a spawn's list of descriptors to put there.
class Handover {
 public:
  Handover() { posix_spawn_file_actions_init(&actions_); }
  ~Handover() { posix_spawn_file_actions_destroy(&actions_); }
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;

  // First to a number that no other one takes the place of.
  Status add(int fd, int as) {
    UniqueFd aside(fcntl(fd, F_DUPFD_CLOEXEC, kAside));
    if (!aside) return fail_errno(errno, "cannot hand a file to the inspector");
    posix_spawn_file_actions_adddup2(&actions_, aside.get(), as);
    held_.push_back(std::move(aside));
    return {};
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
  std::vector<UniqueFd> held_;
};

// In a process group of its own: Ctrl-C is ours to answer.
Result<pid_t> spawn(const std::string& program, const Handover& handover) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::string name = kProgram;
  char* const arguments[] = {name.data(), nullptr};
  char* const environment[] = {nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, program.c_str(), handover.actions(), &attributes, arguments, environment);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return fail_errno(error, "cannot start " + program);
  return pid;
}

Status send_beginning(const wire::Channel& channel, const inspect::Settings& settings, std::size_t keylogs) {
  const wire::Start start{.mode = wire::Start::Mode::kOffline, .keylogs = static_cast<std::uint16_t>(keylogs)};
  TIDEGATE_TRY(channel.send(wire::encode(wire::ToInspector(start)), wire::Wait::kYes));
  TIDEGATE_ASSIGN(const auto parts, wire::encode_settings(settings));
  for (const auto& part : parts) TIDEGATE_TRY(channel.send(part, wire::Wait::kYes));
  return {};
}

}  // namespace

Outcome<InputFile> open_input(const std::string& what, const std::string& name) {
  InputFile file{.name = name, .fd = UniqueFd(::open(name.c_str(), O_RDONLY | O_CLOEXEC))};
  // A file that may not be read is a failure of this command, not of access to the agent.
  if (!file.fd) return refuse("cannot open " + what + " " + name + ": " + std::strerror(errno));
  struct stat facts {};
  if (fstat(file.fd.get(), &facts) != 0)
    return refuse("cannot read " + what + " " + name + ": " + std::strerror(errno));
  if (S_ISDIR(facts.st_mode)) return refuse(name + " is a directory, not a " + what);
  if (S_ISREG(facts.st_mode)) file.size = static_cast<std::uint64_t>(facts.st_size);
  return file;
}

Outcome<Inspector> Inspector::start(const Environment& environment, const inspect::Settings& settings,
                                    InputFile capture, std::vector<InputFile> keylogs) {
  TIDEGATE_ASSIGN(const std::string program, find_program(environment));
  TIDEGATE_ASSIGN(auto ends, wire::Channel::pair());
  Handover handover;
  TIDEGATE_TRY(handover.add(ends.second.get(), wire::kChannelFd));
  TIDEGATE_TRY(handover.add(capture.fd.get(), wire::kCaptureFd));
  std::vector<std::string> names{capture.name};
  for (const InputFile& keylog : keylogs) {
    TIDEGATE_TRY(handover.add(keylog.fd.get(), wire::kCaptureFd + static_cast<int>(names.size())));
    names.push_back(keylog.name);
  }
  TIDEGATE_ASSIGN(const pid_t pid, spawn(program, handover));
  Inspector inspector(pid, wire::Channel(std::move(ends.first)));
  ends.second.reset();
  inspector.names_ = std::move(names);
  inspector.capture_size_ = capture.size;
  if (!send_beginning(inspector.channel_, settings, keylogs.size())) return std::unexpected(inspector.died());
  return inspector;
}

Inspector::Inspector(Inspector&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      channel_(std::move(other.channel_)),
      names_(std::move(other.names_)),
      capture_size_(other.capture_size_) {}

Inspector::~Inspector() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Failure Inspector::died() {
  channel_.close();
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  const std::string how = WIFSIGNALED(status) ? "was killed by signal " + std::to_string(WTERMSIG(status))
                                              : "ended with status " + std::to_string(WEXITSTATUS(status));
  return Failure(Exit::kFailed, std::string(kProgram) + " " + how + " while it read " + names_.front() +
                                    "; please report this with the capture, if it may be shared");
}

Outcome<std::optional<wire::ToAgent>> Inspector::next() {
  pollfd entry{channel_.fd(), POLLIN, 0};
  constexpr int kPatience = 100;
  if (poll(&entry, 1, kPatience) <= 0) return std::optional<wire::ToAgent>();
  auto received = channel_.receive(wire::Wait::kNo);
  if (!received && received.error().code == ErrorCode::kUnavailable) return std::unexpected(died());
  if (!received) return std::unexpected(Failure(received.error()));
  if (!*received) return std::optional<wire::ToAgent>();
  TIDEGATE_ASSIGN(wire::ToAgent message, wire::decode_to_agent((*received)->message));
  return std::optional<wire::ToAgent>(std::move(message));
}

const std::string& Inspector::name_of(std::uint32_t descriptor) const {
  const std::size_t index = descriptor - static_cast<std::uint32_t>(wire::kCaptureFd);
  return index < names_.size() ? names_[index] : names_.front();
}

}  // namespace tidegate::cli
