// SPDX-License-Identifier: Apache-2.0
#include "cli/environment.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

namespace tidegate::cli {
namespace {

std::atomic<bool> interrupted_by_signal{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set from a signal handler");

void on_interrupt(int) { interrupted_by_signal.store(true); }

void catch_interrupt() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

std::optional<std::string> process_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

}  // namespace

bool Environment::colours() const {
  const bool refused = !variable("NO_COLOR").value_or("").empty();
  return out_terminal && !refused && variable("TERM").value_or("") != "dumb";
}

Environment system_environment() {
  catch_interrupt();
  return Environment{.in = std::cin,
                     .out = std::cout,
                     .err = std::cerr,
                     .in_terminal = isatty(STDIN_FILENO) == 1,
                     .out_terminal = isatty(STDOUT_FILENO) == 1,
                     .err_terminal = isatty(STDERR_FILENO) == 1,
                     .variable = process_variable,
                     .clock = system_clock(),
                     .interrupted = interrupted_by_signal};
}

}  // namespace tidegate::cli
