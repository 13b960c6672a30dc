// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "agent/config/settings.hpp"
#include "agent/main/arguments.hpp"

namespace tidegate {

// Reads the settings and prints what is wrong with them on standard error, a line each. None: do not start.
std::optional<config::Settings> load_settings(const Arguments& arguments);

// Of --check: also judges the policy file, without an agent. The exit code.
int check_only(const config::Settings& settings);

}  // namespace tidegate
