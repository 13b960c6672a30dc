// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"
#include "cli/command/common.hpp"
#include "cli/command/decisions.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/table.hpp"

namespace tidegate::cli {
namespace {

struct ListOptions {
  std::string origin;
  std::string contains;
  std::uint64_t limit = 0;
};

std::string action_cell(const v1::Decision& decision) {
  std::string text = action_name(decision.action());
  if (!decision.limit().packets().empty()) text += " " + decision.limit().packets();
  if (!decision.limit().bytes().empty()) text += " " + decision.limit().bytes();
  if (decision.has_identity()) text += " " + plural(decision.identity().connections_blocked(), "connection");
  return text;
}

// Decisions are printed while they come: there may be a million.
Outcome<> print_table(Context& context, const v1::ListDecisionsRequest& request) {
  Table table(context.output().out(), context.output().style(),
              {{"ID", Align::kRight}, {"TARGET"}, {"ACTION"}, {"ORIGIN"}, {"CREATED"}, {"EXPIRES"}, {"REASON"}});
  const Clock& clock = context.environment().clock;
  return context.client().list_decisions(request, [&](const v1::Decision& decision) {
    table.add({std::to_string(decision.id()), decision.target(), action_cell(decision), decision.origin(),
               to_rfc3339(to_wall_time(decision.created())), expiry(decision.has_expires(), decision.expires(), clock),
               decision.reason()});
    return true;
  });
}

Outcome<> list(Context& context, const ListOptions& options) {
  if (!options.contains.empty()) TIDEGATE_TRY(check_targets({options.contains}));
  v1::ListDecisionsRequest request;
  request.set_origin(options.origin);
  request.set_contains(options.contains);
  request.set_limit(options.limit);
  if (context.output().is_table()) return print_table(context, request);
  Output& output = context.output();
  bool begun = false;  // nothing on stdout when the agent refuses at once
  TIDEGATE_TRY(context.client().list_decisions(request, [&](const v1::Decision& decision) {
    if (!begun) output.begin_list();
    begun = true;
    output.element(document_of(decision));
    return true;
  }));
  if (!begun) output.begin_list();
  output.end_list();
  return {};
}

}  // namespace

void add_decisions_list(Command& decisions) {
  auto options = std::make_shared<ListOptions>();
  Command command = decisions.add("list", "Show decisions",
                                  "decisions list --origin operator\ndecisions list --contains 203.0.113.7 -o json");
  command.option("--origin", options->origin, "O", "Only of this origin: operator, feed:NAME, rule:NAME, …");
  command.option("--contains", options->contains, "A",
                 "Only those that cover this address, or block connections of it");
  command.option("--limit", options->limit, "N", "At most this many (default: all)");
  command.run([options](Context& context) { return list(context, *options); });
}

}  // namespace tidegate::cli
