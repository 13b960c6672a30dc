// SPDX-License-Identifier: Apache-2.0
// Runs the real program, run(), with streams and an environment of the test.
#pragma once

#include <atomic>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "cli/run.hpp"

namespace tidegate::cli::test {

struct Ran {
  int exit = -1;
  std::string out;
  std::string err;
};

struct Runner {
  explicit Runner(std::string path = "") : socket(std::move(path)) {}

  std::string socket;
  std::string input;
  bool terminal = false;  // all three streams
  std::map<std::string, std::string> variables;
  std::atomic<bool> interrupted{false};

  Ran operator()(const std::vector<std::string>& words) {
    std::vector<const char*> arguments{"tidegate"};
    for (const std::string& word : words) arguments.push_back(word.c_str());
    std::map<std::string, std::string> values = variables;
    if (!socket.empty()) values["TIDEGATE_SOCKET"] = socket;
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    ManualClock clock;  // 2030-01-01T00:00:00Z
    Environment environment{.in = in,
                            .out = out,
                            .err = err,
                            .in_terminal = terminal,
                            .out_terminal = terminal,
                            .err_terminal = terminal,
                            .variable = [&values](const std::string& name) -> std::optional<std::string> {
                              const auto known = values.find(name);
                              if (known == values.end()) return std::nullopt;
                              return known->second;
                            },
                            .clock = clock,
                            .interrupted = interrupted};
    const int exit = run(static_cast<int>(arguments.size()), arguments.data(), environment);
    return {exit, out.str(), err.str()};
  }
};

}  // namespace tidegate::cli::test
