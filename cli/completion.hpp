// SPDX-License-Identifier: Apache-2.0
// Completion scripts, made from the parser itself, so that no flag can be missing.
#pragma once

#include <string>
#include <vector>

#include "cli/parser.hpp"

namespace tidegate::cli {

struct CompletionOption {
  std::vector<std::string> names;  // "-o", "--output"; none for a positional
  std::string help;
  bool takes_value = false;
  std::string placeholder;  // "FILE", "RATE", "table|json|yaml"
};

struct CompletionTree {
  std::vector<std::string> path;  // {} for the program, {"policy", "apply"}
  std::string help;
  std::vector<CompletionOption> options;
  std::vector<CompletionOption> positionals;
  std::vector<CompletionTree> commands;
};

// Options of the program itself are repeated in every command, for they are understood there too.
CompletionTree describe(Command& root);

std::string bash_completion(const CompletionTree& tree);
std::string zsh_completion(const CompletionTree& tree);

}  // namespace tidegate::cli
