// SPDX-License-Identifier: Apache-2.0
#include <charconv>

#include "cli/client.hpp"
#include "cli/command/common.hpp"
#include "cli/command/decisions.hpp"

namespace tidegate::cli {
namespace {

struct DeleteOptions {
  std::vector<std::string> ids;
  std::string origin;
  bool yes = false;
};

Outcome<v1::DeleteDecisionsRequest> to_request(const DeleteOptions& options) {
  if (options.ids.empty() == options.origin.empty()) {
    return refuse(Exit::kUsage, "decisions delete takes ids or --origin O, one of the two");
  }
  v1::DeleteDecisionsRequest request;
  request.set_origin(options.origin);
  for (const std::string& text : options.ids) {
    std::int64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc{} || end != text.data() + text.size() || id <= 0) {
      return refuse(Exit::kUsage, "'" + text + "' is not the id of a decision; `tidegate decisions list` shows ids");
    }
    request.add_ids(id);
  }
  return request;
}

Outcome<> remove(Context& context, const DeleteOptions& options) {
  TIDEGATE_ASSIGN(const v1::DeleteDecisionsRequest request, to_request(options));
  const bool bulk = !options.origin.empty() && !options.yes;
  if (bulk && !context.confirmed("Delete every decision of origin " + options.origin + "?")) {
    return refuse("not confirmed; nothing was deleted");
  }
  TIDEGATE_ASSIGN(const v1::DeleteDecisionsResponse response, context.client().delete_decisions(request));
  context.output().show({{"deleted", response.deleted()}},
                        [&](std::ostream& out) { out << plural(response.deleted(), "decision") << " deleted\n"; });
  if (response.deleted() < options.ids.size()) {
    return refuse(plural(options.ids.size() - response.deleted(), "id") +
                  " had no decision; `tidegate decisions list` shows those there are");
  }
  return {};
}

}  // namespace

void add_decisions_delete(Command& decisions) {
  auto options = std::make_shared<DeleteOptions>();
  Command command = decisions.add("delete", "Remove decisions by id, or all of an origin",
                                  "decisions delete 17 18\ndecisions delete --origin scan --yes");
  command.positional("ID", options->ids, "Ids as `decisions list` shows them");
  command.option("--origin", options->origin, "O", "All of this origin");
  command.flag("--yes", options->yes, "Do not ask");
  command.run([options](Context& context) { return remove(context, *options); });
}

}  // namespace tidegate::cli
