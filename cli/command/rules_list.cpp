// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"
#include "cli/command/rules.hpp"
#include "cli/rules/view.hpp"

namespace tidegate::cli {
namespace {

// Of the policy in force, which the agent has as a text.
Outcome<config::ParsedPolicy> rules_in_force(Context& context) {
  TIDEGATE_ASSIGN(const auto response, context.client().show_policy(tidegate::v1::ShowPolicyRequest()));
  config::ParsedPolicy parsed = config::check_policy(response.text());
  if (parsed.valid()) return parsed;
  return refuse("the agent's policy cannot be read by this version of tidegate; give a file with --policy");
}

Outcome<> list(Context& context, const std::string& file) {
  TIDEGATE_ASSIGN(const auto parsed, file.empty() ? rules_in_force(context) : read_rules(context, file));
  Json documents = Json::array();
  for (const behavior::Rule& rule : parsed.rules.rules) documents.push_back(document_of(rule));
  context.output().show(documents,
                        [&](std::ostream& out) { print_rules(out, context.output().style(), parsed.rules.rules); });
  return {};
}

}  // namespace

void add_rules_list(Command& rules) {
  auto file = std::make_shared<std::string>();
  Command command =
      rules.add("list", "Rules of the policy in force, or of a file; with a file it works without an agent",
                "rules list\nrules list --policy policy.yaml -o json");
  command.option("--policy", *file, "FILE", "Policy file, or - for standard input (default: the policy in force)");
  command.run([file](Context& context) { return list(context, *file); });
}

}  // namespace tidegate::cli
