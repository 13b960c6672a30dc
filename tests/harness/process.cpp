// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace tidegate::harness {
namespace {

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::filesystem::path temporary_file() {
  std::string name = (std::filesystem::temp_directory_path() / "tg-output-XXXXXX").string();
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) throw_errno("mkostemp");
  ::close(fd);
  return name;
}

void redirect(int to, const std::filesystem::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags, 0600);
  if (fd < 0 || ::dup2(fd, to) < 0) ::_exit(126);
}

int open_netns(const std::string& name) {
  const std::string path = "/run/netns/" + name;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw_errno("open " + path);
  return fd;
}

std::vector<std::string> environment_of(const ProcessOptions& options) {
  std::vector<std::string> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string name = std::string(*entry).substr(0, std::string(*entry).find('='));
    if (!options.environment.contains(name)) entries.emplace_back(*entry);
  }
  for (const auto& [name, value] : options.environment) entries.push_back(name + "=" + value);
  return entries;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

struct Streams {
  std::filesystem::path in = "/dev/null", out, err;
};

// Only async-signal-safe calls: the parent may have threads.
[[noreturn]] void become(char** arguments, char** environment, const Streams& streams, int netns) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, 0);
  redirect(0, streams.in, O_RDONLY);
  redirect(1, streams.out, O_WRONLY | O_APPEND | O_CREAT);
  redirect(2, streams.err, O_WRONLY | O_APPEND | O_CREAT);
  if (netns >= 0 && ::setns(netns, CLONE_NEWNET) != 0) ::_exit(126);
  ::execvpe(arguments[0], arguments, environment);
  ::_exit(127);
}

}  // namespace

Process Process::start(const std::vector<std::string>& command, const ProcessOptions& options) {
  Process process;
  Streams streams;
  if (!options.output.empty()) {
    streams.out = streams.err = options.output;
  } else {
    streams.out = process.out_ = temporary_file();
    streams.err = process.err_ = temporary_file();
  }
  if (!options.input.empty()) {
    streams.in = process.in_ = temporary_file();
    write_file(streams.in, options.input);
  }
  std::vector<std::string> arguments = command;
  std::vector<std::string> environment = environment_of(options);
  auto argv = pointers(arguments);
  auto envp = pointers(environment);
  const UniqueFd netns(options.netns.empty() ? -1 : open_netns(options.netns));
  const pid_t pid = ::fork();
  if (pid < 0) throw_errno("fork");
  if (pid == 0) become(argv.data(), envp.data(), streams, netns.get());
  process.pid_ = pid;
  process.pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return process;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      in_(std::exchange(other.in_, {})),
      out_(std::exchange(other.out_, {})),
      err_(std::exchange(other.err_, {})),
      finished_(std::move(other.finished_)) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  std::swap(in_, other.in_);
  std::swap(out_, other.out_);
  std::swap(err_, other.err_);
  std::swap(finished_, other.finished_);
  return *this;
}

Process::~Process() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    wait(std::chrono::seconds(10));
  }
  std::error_code ignored;
  for (const auto& file : {in_, out_, err_}) {
    if (!file.empty()) std::filesystem::remove(file, ignored);
  }
}

void Process::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

bool Process::running() { return pid_ > 0 && !wait(std::chrono::milliseconds(0)); }

std::optional<Finished> Process::wait(std::chrono::milliseconds timeout) {
  if (pid_ <= 0) return finished_;
  pollfd ended{pidfd_.get(), POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(timeout.count())) <= 0) return std::nullopt;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  collect(status);
  return finished_;
}

void Process::collect(int status) {
  pid_ = -1;
  finished_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (!out_.empty()) finished_.out = read_file(out_);
  if (!err_.empty()) finished_.err = read_file(err_);
}

Finished Process::stop(std::chrono::milliseconds patience) {
  signal(SIGTERM);
  if (auto finished = wait(patience)) return *finished;
  signal(SIGKILL);
  return wait(std::chrono::seconds(10)).value_or(Finished{});
}

Finished run(const std::vector<std::string>& command, const ProcessOptions& options,
             std::chrono::milliseconds timeout) {
  Process process = Process::start(command, options);
  if (auto finished = process.wait(timeout)) return *finished;
  Finished finished = process.stop(std::chrono::seconds(1));
  finished.exit_code = 124;
  return finished;
}

std::string shell(const std::string& command, const std::string& netns) {
  Finished finished = run({"/bin/sh", "-c", command}, {.netns = netns});
  if (finished.exit_code != 0) {
    throw std::runtime_error(command + ": exit code " + std::to_string(finished.exit_code) + ": " + finished.err +
                             finished.out);
  }
  return finished.out;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "tg-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw_errno("mkdtemp " + name);
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace tidegate::harness
