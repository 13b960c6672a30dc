// SPDX-License-Identifier: Apache-2.0
// Everything a run touches outside its arguments, so that tests can stand in for a terminal.
#pragma once

#include <atomic>
#include <functional>
#include <istream>
#include <optional>
#include <ostream>
#include <string>

#include "agent/base/clock.hpp"

namespace tidegate::cli {

struct Environment {
  std::istream& in;
  std::ostream& out;  // results
  std::ostream& err;  // diagnostics, progress, questions
  bool in_terminal = false;
  bool out_terminal = false;
  bool err_terminal = false;
  std::function<std::optional<std::string>(const std::string&)> variable;  // of the process environment
  const Clock& clock;
  const std::atomic<bool>& interrupted;  // set by Ctrl-C

  // Colours belong to terminals that want them (https://no-color.org).
  bool colours() const;
};

// The standard streams, the process environment, and a SIGINT handler that sets `interrupted`.
// A second Ctrl-C ends the process at once.
Environment system_environment();

}  // namespace tidegate::cli
