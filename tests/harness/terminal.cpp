// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/terminal.hpp"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>

namespace tidegate::harness {

using Steady = std::chrono::steady_clock;

Terminal::Terminal(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const winsize size{.ws_row = 30, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
  int side = -1;
  pid_ = ::forkpty(&side, nullptr, nullptr, &size);
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "forkpty");
  if (pid_ == 0) {
    ::setenv("TERM", "xterm", 1);
    ::execv(words[0], words.data());
    ::_exit(127);
  }
  side_.reset(side);
}

Terminal::~Terminal() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

// False at the end of the program or of the time.
bool Terminal::read_some(Steady::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
  pollfd readable{side_.get(), POLLIN, 0};
  if (left <= 0 || ::poll(&readable, 1, static_cast<int>(left)) <= 0) return false;
  char text[4096];
  const ssize_t size = ::read(side_.get(), text, sizeof text);  // EIO when the program has ended
  if (size <= 0) return false;
  drawn_.append(text, static_cast<std::size_t>(size));
  return true;
}

bool Terminal::shows(const std::string& text, std::chrono::milliseconds timeout) {
  const auto deadline = Steady::now() + timeout;
  while (drawn_.find(text) == std::string::npos) {
    if (!read_some(deadline)) return false;
  }
  return true;
}

void Terminal::press(char key) const {
  if (::write(side_.get(), &key, 1) != 1) throw std::system_error(errno, std::generic_category(), "press a key");
}

std::optional<int> Terminal::wait(std::chrono::milliseconds timeout) {
  const auto deadline = Steady::now() + timeout;
  while (read_some(deadline)) {
  }
  int status = 0;
  if (::waitpid(pid_, &status, Steady::now() < deadline ? 0 : WNOHANG) != pid_) return std::nullopt;
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace tidegate::harness
