// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cli/client.hpp"
#include "cli/command/rules.hpp"
#include "cli/format/documents.hpp"
#include "cli/rules/view.hpp"

namespace tidegate::cli {
namespace {

constexpr std::chrono::seconds kPatience{30};

// Of the policy in force, which the agent has as a text.
Outcome<config::ParsedPolicy> rules_in_force(Context& context) {
  TIDEGATE_ASSIGN(const auto response, context.client().show_policy(tidegate::v1::ShowPolicyRequest()));
  config::ParsedPolicy parsed = config::check_policy(response.text());
  if (parsed.valid()) return parsed;
  return refuse("the agent's policy cannot be read by this version of tidegate; give a file with --policy");
}

// An agent whose rules have changed in between, or that knows none, gives no figures.
bool are_of(const v1::RulesStatus& figures, const std::vector<behavior::Rule>& rules) {
  const auto same = [](const behavior::Rule& rule, const v1::RuleFigures& live) { return rule.name == live.name(); };
  return std::equal(rules.begin(), rules.end(), figures.rules().begin(), figures.rules().end(), same);
}

Outcome<> list_file(Context& context, const std::string& file) {
  TIDEGATE_ASSIGN(const auto parsed, read_rules(context, file));
  Json documents = Json::array();
  for (const behavior::Rule& rule : parsed.rules.rules) documents.push_back(document_of(rule));
  context.output().show(documents,
                        [&](std::ostream& out) { print_rules(out, context.output().style(), parsed.rules.rules); });
  return {};
}

// Each rule with a key `live` more than those of a file.
Outcome<> list_in_force(Context& context) {
  TIDEGATE_ASSIGN(const auto parsed, rules_in_force(context));
  TIDEGATE_ASSIGN(const auto status, context.client().status(v1::GetStatusRequest(), kPatience));
  const auto& rules = parsed.rules.rules;
  const bool live = are_of(status.rules(), rules);
  Json documents = Json::array();
  for (std::size_t i = 0; i < rules.size(); ++i) {
    documents.push_back(document_of(rules[i]));
    documents.back()["live"] = live ? document_of(status.rules().rules(static_cast<int>(i))) : Json(nullptr);
  }
  context.output().show(documents, [&](std::ostream& out) {
    if (!live) return print_rules(out, context.output().style(), rules);
    print_live_rules(out, context.output().style(), rules, status.rules());
  });
  return {};
}

Outcome<> list(Context& context, const std::string& file) {
  return file.empty() ? list_in_force(context) : list_file(context, file);
}

}  // namespace

void add_rules_list(Command& rules) {
  auto file = std::make_shared<std::string>();
  Command command =
      rules.add("list", "Rules in force and what each did, or those of a file; with a file it works without an agent",
                "rules list\nrules list --policy policy.yaml -o json");
  command.option("--policy", *file, "FILE", "Policy file, or - for standard input (default: the policy in force)");
  command.run([file](Context& context) { return list(context, *file); });
}

}  // namespace tidegate::cli
