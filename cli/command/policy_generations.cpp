// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"
#include "cli/command/common.hpp"
#include "cli/command/policy.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/table.hpp"

namespace tidegate::cli {
namespace {

struct RollbackOptions {
  std::uint64_t generation = 0;
  bool force = false;
};

Outcome<> confirm(Context& context) {
  TIDEGATE_ASSIGN(const v1::ConfirmPolicyResponse response, context.client().confirm_policy({}));
  context.output().show({{"generation", response.generation()}}, [&](std::ostream& out) {
    out << "confirmed; generation " << response.generation() << " stays in force\n";
  });
  return {};
}

Outcome<> rollback(Context& context, const RollbackOptions& options) {
  v1::RollbackPolicyRequest request;
  request.set_generation(options.generation);
  request.set_force(options.force);
  for (const std::string& peer : caller_peers(context.environment())) request.add_caller_peers(peer);
  TIDEGATE_ASSIGN(const v1::ApplyPolicyResponse response, context.client().rollback_policy(request));
  print_issues(context, "policy", response.issues());
  context.output().show(document_of(response), [&](std::ostream& out) {
    print_changes(out, context.output().style(), response.changes());
    print_applied(out, context, "rolled back", response);
  });
  return {};
}

Outcome<> show(Context& context, std::uint64_t generation) {
  v1::ShowPolicyRequest request;
  request.set_generation(generation);
  TIDEGATE_ASSIGN(const v1::ShowPolicyResponse response, context.client().show_policy(request));
  const Json document{{"generation", response.generation()}, {"text", response.text()}};
  // The text is what apply accepted, and apply refuses control characters: it goes out as it is, ready to be a file.
  context.output().show(document, [&](std::ostream& out) { out << response.text(); });
  return {};
}

std::string state_of(const v1::PolicyGeneration& generation) {
  if (!generation.active()) return "";
  if (!generation.has_confirm_by()) return "in force";
  return "in force, confirm by " + to_rfc3339(to_wall_time(generation.confirm_by()));
}

Outcome<> history(Context& context) {
  TIDEGATE_ASSIGN(const v1::PolicyHistoryResponse response, context.client().policy_history({}));
  context.output().show(documents_of(response.generations()), [&](std::ostream& out) {
    Table table(out, context.output().style(),
                {{"GENERATION", Align::kRight}, {"APPLIED"}, {"BY"}, {"COMMENT"}, {"STATE"}});
    for (const v1::PolicyGeneration& generation : response.generations()) {
      table.add({std::to_string(generation.generation()),
                 to_rfc3339(to_wall_time(generation.applied())),
                 generation.actor(),
                 generation.comment(),
                 {state_of(generation), Paint::kGreen}});
    }
  });
  return {};
}

}  // namespace

void add_policy_generations(Command& policy) {
  policy.add("confirm", "Keep what `apply --confirm` put in force", "policy confirm").run(confirm);

  auto back = std::make_shared<RollbackOptions>();
  Command rollback_command = policy.add("rollback", "Put an earlier policy in force as a new generation",
                                        "policy rollback\npolicy rollback 3");
  rollback_command.positional("GEN", back->generation, "Generation (default: the one before that in force)");
  rollback_command.flag("--force", back->force, "Override the lock-out guard; this is recorded");
  rollback_command.run([back](Context& context) { return rollback(context, *back); });

  auto shown = std::make_shared<std::uint64_t>(0);
  Command show_command =
      policy.add("show", "Print the policy in force, or an earlier one", "policy show > policy.yaml\npolicy show 3");
  show_command.positional("GEN", *shown, "Generation (default: that in force)");
  show_command.run([shown](Context& context) { return show(context, *shown); });

  policy.add("history", "Generations, newest first", "policy history").run(history);
}

}  // namespace tidegate::cli
