// SPDX-License-Identifier: Apache-2.0
#include "cli/command/rules.hpp"

#include "cli/command/commands.hpp"
#include "cli/command/policy.hpp"
#include "cli/format/escape.hpp"

namespace tidegate::cli {

Outcome<config::ParsedPolicy> read_rules(Context& context, const std::string& file) {
  TIDEGATE_ASSIGN(PolicyText source, read_policy_text(context, file));
  const std::string name = source.name;
  config::ParsedPolicy parsed = check_whole_policy(std::move(source));
  if (parsed.valid()) return parsed;
  for (const policy::Issue& issue : parsed.issues) {
    if (!issue.warning) context.environment().err << escape_text(config::format_issue(name, issue)) << '\n';
  }
  return refuse("");
}

void add_rules(Command& root) {
  Command rules = root.add_group("rules", "Behaviour rules, and what they would have decided",
                                 "rules list\nrules test --pcap edge.pcapng --keylog keys.log --policy policy.yaml");
  add_rules_list(rules);
  add_rules_test(rules);
}

}  // namespace tidegate::cli
