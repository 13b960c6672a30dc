// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.hpp"

#include "cli/command/commands.hpp"
#include "cli/context.hpp"

namespace tidegate::cli {
namespace {

Outcome<> completion(Context& context, const std::string& shell) {
  const CompletionTree tree = describe(context.root());
  context.output().out() << (shell == "zsh" ? zsh_completion(tree) : bash_completion(tree));
  return {};
}

}  // namespace

void add_completion(Command& root) {
  auto shell = std::make_shared<std::string>();
  Command command = root.add("completion", "Print a completion script for a shell",
                             "completion bash > /etc/bash_completion.d/tidegate\ncompletion zsh > ~/.zfunc/_tidegate");
  command.positional("SHELL", *shell, "bash or zsh").required().one_of({"bash", "zsh"});
  command.run([shell](Context& context) { return completion(context, *shell); });
}

}  // namespace tidegate::cli
