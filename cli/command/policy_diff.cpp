// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"
#include "cli/command/policy.hpp"
#include "cli/format/documents.hpp"

namespace tidegate::cli {
namespace {

Outcome<> diff(Context& context, const std::string& file) {
  TIDEGATE_ASSIGN(PolicyText source, read_policy_text(context, file));
  v1::DiffPolicyRequest request;
  request.set_text(std::move(source.text));
  TIDEGATE_ASSIGN(const v1::DiffPolicyResponse response, context.client().diff_policy(request));
  print_issues(context, source.name, response.issues());
  if (!response.valid()) return refuse(source.name + " is not a valid policy; correct the lines above");
  const Json document{{"changes", documents_of(response.changes())},
                      {"issues", documents_of(response.issues())},
                      {"valid", response.valid()}};
  context.output().show(document,
                        [&](std::ostream& out) { print_changes(out, context.output().style(), response.changes()); });
  return {};
}

}  // namespace

void add_policy_diff(Command& policy) {
  auto file = std::make_shared<std::string>();
  Command command = policy.add("diff", "What applying a policy would change", "policy diff policy.yaml");
  command.positional("FILE", *file, "Policy file, or - for standard input").required();
  command.run([file](Context& context) { return diff(context, *file); });
}

}  // namespace tidegate::cli
