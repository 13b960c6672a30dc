// SPDX-License-Identifier: Apache-2.0
// tidegated: see arguments.cpp for its usage, agent.cpp for what it does.
#include <spdlog/spdlog.h>

#include <iostream>

#include "agent/main/agent.hpp"
#include "agent/main/arguments.hpp"
#include "agent/main/check.hpp"
#include "agent/main/logging.hpp"

namespace tidegate {
namespace {

constexpr int kFailed = 1;

// The line goes to standard error as well when the log is elsewhere: who started the agent by hand sees it there.
int fail_to_start(const config::Settings& settings, const Error& error) {
  spdlog::error("cannot start: {}", error.message);
  if (settings.log.to != config::LogTarget::kStderr) std::cerr << "tidegated: cannot start: " << error.message << '\n';
  return kFailed;
}

int run(const config::Settings& settings) {
  keep_memory_small();
  leave_no_core();
  const auto signals = Signals::open();
  if (!signals) return fail_to_start(settings, signals.error());
  if (const auto logging = start_logging(settings.log); !logging) return fail_to_start(settings, logging.error());
  const auto agent = Agent::start(settings);
  if (!agent) return fail_to_start(settings, agent.error());
  (*agent)->run(*signals);
  return 0;
}

}  // namespace
}  // namespace tidegate

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto arguments = tidegate::parse_arguments(argc, argv, exit_code);
  if (!arguments) return exit_code;
  const auto settings = tidegate::load_settings(*arguments);
  if (!settings) return tidegate::kFailed;
  return arguments->check ? tidegate::check_only(*settings) : tidegate::run(*settings);
}
