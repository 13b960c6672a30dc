// SPDX-License-Identifier: Apache-2.0
#include "cli/command/decided.hpp"

#include "cli/command/common.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/escape.hpp"

namespace tidegate::cli {
namespace {

// Blocks go by target, as they came; a limit has no command of its own to undo it and goes by id.
std::string undo(const v1::BlockResponse& response) {
  std::string targets;
  std::string ids;
  bool all_blocks = true;
  for (const v1::Decision& decision : response.decisions()) {
    targets += " " + decision.target();
    ids += " " + std::to_string(decision.id());
    all_blocks = all_blocks && decision.action() == v1::ACTION_BLOCK;
  }
  return all_blocks ? "tidegate unblock" + targets : "tidegate decisions delete" + ids;
}

std::string line(const std::string& verb, const v1::Decision& decision) {
  std::string text = verb + " " + decision.target();
  if (decision.has_limit()) {
    const std::string& packets = decision.limit().packets();
    const std::string& bytes = decision.limit().bytes();
    text += " to " + packets + (!packets.empty() && !bytes.empty() ? " and " : "") + bytes;
  }
  text += " " + until(decision) + " (id " + std::to_string(decision.id()) + ")";
  return escape_text(text + (decision.forced() ? ", forced" : ""));
}

}  // namespace

void show_decided(Context& context, const std::string& verb, const v1::BlockResponse& response) {
  const std::string undone_by = undo(response);
  const Json document{{"decisions", documents_of(response.decisions())}, {"undo", undone_by}};
  context.output().show(document, [&](std::ostream& out) {
    for (const v1::Decision& decision : response.decisions()) out << line(verb, decision) << '\n';
    out << "undo: " << escape_text(undone_by) << '\n';
  });
}

}  // namespace tidegate::cli
