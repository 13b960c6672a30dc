// SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include "cli/environment.hpp"
#include "cli/run.hpp"

int main(int argc, char** argv) {
  // A closed pipe (`tidegate … | head`) ends the program silently, as it does other tools.
  std::signal(SIGPIPE, SIG_DFL);
  tidegate::cli::Environment environment = tidegate::cli::system_environment();
  return tidegate::cli::run(argc, argv, environment);
}
