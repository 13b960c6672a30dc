// SPDX-License-Identifier: Apache-2.0
#include "cli/command/policy.hpp"

#include <iterator>

#include "agent/config/check.hpp"
#include "agent/config/policy_reader.hpp"
#include "agent/config/text_file.hpp"
#include "agent/openapi/load.hpp"
#include "cli/command/commands.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/escape.hpp"
#include "cli/format/quantity.hpp"

namespace tidegate::cli {

Outcome<PolicyText> read_policy_text(Context& context, const std::string& file) {
  if (file != "-") {
    TIDEGATE_ASSIGN(std::string text, config::read_text_file(file));
    return PolicyText{file, std::move(text), std::filesystem::path(file).parent_path()};
  }
  PolicyText policy{"<stdin>", std::string(config::kMostText + 1, '\0'), {}};
  std::istream& in = context.environment().in;
  in.read(policy.text.data(), static_cast<std::streamsize>(policy.text.size()));
  policy.text.resize(static_cast<std::size_t>(in.gcount()));
  if (policy.text.size() > config::kMostText) return refuse("<stdin>: larger than a policy may be (1 MiB)");
  return policy;
}

config::ParsedPolicy check_whole_policy(PolicyText source) {
  config::ParsedPolicy parsed = config::check_policy(std::move(source.text));
  if (!parsed.valid()) return parsed;
  for (policy::Issue& issue : openapi::load(parsed.policy, source.directory)) parsed.issues.push_back(std::move(issue));
  behavior::name_operations(parsed.rules, openapi::operation_names(parsed.policy));
  return parsed;
}

void print_issues(Context& context, const std::string& file, const Issues& issues) {
  for (const v1::PolicyIssue& issue : issues) {
    const policy::Issue shown{{issue.line(), issue.column()}, issue.message(), issue.warning()};
    context.environment().err << escape_text(config::format_issue(file, shown)) << '\n';
  }
}

void print_changes(std::ostream& out, const Style& style, const Changes& changes) {
  if (changes.empty()) out << "no difference\n";
  for (const v1::PolicyChange& change : changes) {
    const std::string path = escape_text(change.path());
    const std::string before = escape_text(change.before());
    const std::string after = escape_text(change.after());
    if (change.kind() == v1::PolicyChange::ADDED) {
      out << style.paint(Paint::kGreen, "+ " + path + (after.empty() ? "" : "  " + after)) << '\n';
    } else if (change.kind() == v1::PolicyChange::REMOVED) {
      out << style.paint(Paint::kRed, "- " + path + (before.empty() ? "" : "  " + before)) << '\n';
    } else {
      out << style.paint(Paint::kYellow, "~ " + path) << "  " << before << " → " << after << '\n';
    }
  }
}

void print_applied(std::ostream& out, Context& context, const std::string& verb,
                   const v1::ApplyPolicyResponse& applied) {
  for (const std::string& section : applied.not_enforced()) {
    out << escape_text(section) << ": not enforced by this version\n";
  }
  out << verb << " as generation " << applied.generation() << '\n';
  if (!applied.has_confirm_by()) return;
  const WallTime by = to_wall_time(applied.confirm_by());
  const auto left = std::chrono::ceil<std::chrono::seconds>(by - context.environment().clock.wall());
  out << "keep it with `tidegate policy confirm` by " << to_rfc3339(by) << " (within " << short_age(left)
      << "); otherwise the previous policy comes back\n";
}

void add_policy(Command& root) {
  Command policy = root.add_group("policy", "Check, compare, apply and take back the policy",
                                  "policy check policy.yaml\npolicy apply policy.yaml --confirm 5m\npolicy confirm");
  add_policy_check(policy);
  add_policy_diff(policy);
  add_policy_apply(policy);
  add_policy_generations(policy);
}

}  // namespace tidegate::cli
