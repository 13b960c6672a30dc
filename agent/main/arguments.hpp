// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

namespace tidegate {

struct Arguments {
  std::filesystem::path config = "/etc/tidegate/tidegate.yaml";
  bool check = false;  // judge the settings and the policy they name, then exit
};

// None: nothing is left to do, exit with `exit_code` (0 after --help or --version, 2 after wrong usage).
std::optional<Arguments> parse_arguments(int argc, char** argv, int& exit_code);

}  // namespace tidegate
