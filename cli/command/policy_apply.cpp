// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"
#include "cli/command/common.hpp"
#include "cli/command/policy.hpp"
#include "cli/format/documents.hpp"

namespace tidegate::cli {
namespace {

struct ApplyOptions {
  std::string file;
  std::optional<std::chrono::seconds> confirm;
  std::string comment;
  bool dry_run = false;
  bool force = false;
};

// The difference comes first, so that it is on the screen even if the agent then refuses.
Outcome<> show_difference(Context& context, const PolicyText& source) {
  v1::DiffPolicyRequest request;
  request.set_text(source.text);
  TIDEGATE_ASSIGN(const v1::DiffPolicyResponse response, context.client().diff_policy(request));
  print_issues(context, source.name, response.issues());
  if (!response.valid()) return refuse(source.name + " is not a valid policy; nothing was applied");
  if (context.output().is_table()) print_changes(context.output().out(), context.output().style(), response.changes());
  return {};
}

Outcome<> apply(Context& context, const ApplyOptions& options) {
  TIDEGATE_ASSIGN(const PolicyText source, read_policy_text(context, options.file));
  TIDEGATE_TRY(show_difference(context, source));
  v1::ApplyPolicyRequest request;
  request.set_text(source.text);
  if (options.confirm) *request.mutable_confirm_within() = to_duration(*options.confirm);
  request.set_dry_run(options.dry_run);
  request.set_force(options.force);
  request.set_comment(options.comment);
  for (const std::string& peer : caller_peers(context.environment())) request.add_caller_peers(peer);
  TIDEGATE_ASSIGN(const v1::ApplyPolicyResponse response, context.client().apply_policy(request));
  Json document = document_of(response);
  document["dry_run"] = options.dry_run;
  context.output().show(document, [&](std::ostream& out) {
    if (options.dry_run) {
      out << "dry run: the agent would accept this policy; nothing was changed\n";
    } else {
      print_applied(out, context, "applied", response);
    }
  });
  return {};
}

}  // namespace

void add_policy_apply(Command& policy) {
  auto options = std::make_shared<ApplyOptions>();
  Command command = policy.add("apply", "Put a policy in force, as a whole or not at all",
                               "policy apply policy.yaml --confirm 5m\npolicy apply - --dry-run < policy.yaml");
  command.positional("FILE", options->file, "Policy file, or - for standard input").required();
  command.option("--confirm", options->confirm, "Revert by itself unless `policy confirm` comes in time, such as 5m");
  command.option("--comment", options->comment, "TEXT", "A note for `policy history`");
  command.flag("--dry-run", options->dry_run, "Let the running agent check it and change nothing");
  command.flag("--force", options->force, "Override the lock-out guard; this is recorded");
  command.run([options](Context& context) { return apply(context, *options); });
}

}  // namespace tidegate::cli
