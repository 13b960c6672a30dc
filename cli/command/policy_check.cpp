// SPDX-License-Identifier: Apache-2.0
#include "cli/command/common.hpp"
#include "cli/command/policy.hpp"
#include "cli/format/escape.hpp"

namespace tidegate::cli {
namespace {

Json check_document(const std::string& file, const config::ParsedPolicy& parsed) {
  Json issues = Json::array();
  for (const policy::Issue& issue : parsed.issues) {
    issues.push_back({{"line", issue.location.line},
                      {"column", issue.location.column},
                      {"severity", issue.warning ? "warning" : "error"},
                      {"message", issue.message}});
  }
  return {{"file", file},
          {"valid", parsed.valid()},
          {"issues", std::move(issues)},
          {"not_enforced", parsed.policy.not_enforced}};
}

void print(std::ostream& out, const std::string& file, const policy::Policy& policy) {
  for (const std::string& section : policy.not_enforced) {
    out << escape_text(section) << ": not enforced by this version\n";
  }
  out << escape_text(file) << ": valid, " << plural(policy.services.size(), "service") << ", "
      << (policy.enforce ? "enforcing" : "dry-run") << '\n';
}

// Needs no agent: the agent judges with the same code.
Outcome<> check_policy_file(Context& context, const std::string& file) {
  TIDEGATE_ASSIGN(PolicyText source, read_policy_text(context, file));
  const std::string name = source.name;
  const config::ParsedPolicy parsed = check_whole_policy(std::move(source));
  for (const policy::Issue& issue : parsed.issues) {
    context.environment().err << escape_text(config::format_issue(name, issue)) << '\n';
  }
  const bool show = parsed.valid() || !context.output().is_table();
  if (show) {
    context.output().show(check_document(name, parsed), [&](std::ostream& out) { print(out, name, parsed.policy); });
  }
  if (!parsed.valid()) return refuse("");
  return {};
}

}  // namespace

void add_policy_check(Command& policy) {
  auto file = std::make_shared<std::string>();
  Command command =
      policy.add("check", "Validate a policy; works without an agent", "policy check /etc/tidegate/policy.yaml");
  command.positional("FILE", *file, "Policy file, or - for standard input").required();
  command.run([file](Context& context) { return check_policy_file(context, *file); });
}

}  // namespace tidegate::cli
