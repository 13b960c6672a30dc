// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"
#include "cli/command/commands.hpp"
#include "cli/command/common.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/escape.hpp"

namespace tidegate::cli {
namespace {

Json document_of_outcome(const v1::UnblockResponse::Outcome& outcome) {
  return {{"target", outcome.target()},
          {"removed", outcome.removed()},
          {"still_covering", documents_of(outcome.still_covering())}};
}

void print(std::ostream& out, const v1::UnblockResponse::Outcome& outcome) {
  const std::string target = escape_text(outcome.target());
  if (outcome.removed() == 0) {
    out << "no operator decision has exactly the target " << target << "; nothing was removed\n";
  } else {
    out << "unblocked " << target << " (" << plural(outcome.removed(), "decision") << " removed)\n";
  }
  for (const v1::Decision& decision : outcome.still_covering()) out << "  still covered: " << summary(decision) << '\n';
}

Outcome<> unblock(Context& context, const std::vector<std::string>& targets) {
  TIDEGATE_TRY(check_targets(targets));
  v1::UnblockRequest request;
  for (const std::string& target : targets) request.add_targets(target);
  TIDEGATE_ASSIGN(const v1::UnblockResponse response, context.client().unblock(request));
  Json document = Json::array();
  for (const auto& outcome : response.outcomes()) document.push_back(document_of_outcome(outcome));
  context.output().show(document, [&](std::ostream& out) {
    for (const auto& outcome : response.outcomes()) print(out, outcome);
  });
  return {};
}

}  // namespace

void add_unblock(Command& root) {
  auto targets = std::make_shared<std::vector<std::string>>();
  Command command = root.add("unblock", "Remove the operator's decisions for exactly these targets",
                             "unblock 203.0.113.7\nunblock 2001:db8:bad::/48 198.51.100.0/24");
  command.positional("TARGET", *targets, "Address or CIDR as it was blocked").required();
  command.run([targets](Context& context) { return unblock(context, *targets); });
}

}  // namespace tidegate::cli
