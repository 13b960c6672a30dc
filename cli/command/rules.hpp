// SPDX-License-Identifier: Apache-2.0
// What the commands below `rules` share.
#pragma once

#include <string>

#include "agent/config/check.hpp"
#include "cli/context.hpp"
#include "cli/outcome.hpp"
#include "cli/parser.hpp"

namespace tidegate::cli {

void add_rules_list(Command& rules);
void add_rules_test(Command& rules);

// A valid policy from a file, or standard input for "-". What is wrong with it is printed, and refused.
Outcome<config::ParsedPolicy> read_rules(Context& context, const std::string& file);

}  // namespace tidegate::cli
