// SPDX-License-Identifier: Apache-2.0
#include "agent/main/arguments.hpp"

#include <CLI/CLI.hpp>
#include <string>

namespace tidegate {

std::optional<Arguments> parse_arguments(int argc, char** argv, int& exit_code) {
  Arguments arguments;
  CLI::App app(
      "Tidegate's agent: loads the datapath, keeps it fed and answers `tidegate`.\n"
      "Stopping it does not stop enforcement: `tidegate detach` does.");
  app.name("tidegated");
  std::string config = arguments.config.string();
  app.add_option("--config", config, "Settings of this installation")->capture_default_str();
  app.add_flag("--check", arguments.check, "Judge the settings and the policy file, then exit");
  app.set_version_flag("--version", "tidegated " TIDEGATE_VERSION);
  app.footer(
      "Example: tidegated --config /etc/tidegate/tidegate.yaml --check\n"
      "Exit codes: 0 orderly stop, 1 could not start (one line says why), 2 wrong usage.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  arguments.config = config;
  return arguments;
}

}  // namespace tidegate
