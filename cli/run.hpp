// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/environment.hpp"

namespace tidegate::cli {

// The whole program: parses, runs one command, says what went wrong. Returns the exit code of the contract.
int run(int argc, const char* const* argv, Environment& environment);

}  // namespace tidegate::cli
