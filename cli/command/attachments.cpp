// SPDX-License-Identifier: Apache-2.0
#include "cli/command/attachments.hpp"

#include "cli/format/documents.hpp"
#include "cli/format/table.hpp"

namespace tidegate::cli {

std::string attachment_of(const v1::InterfaceStatus& interface) {
  if (interface.attached()) return "attached";
  return interface.detached_by_operator() ? "detached by operator" : "not attached";
}

void show_attachments(Context& context, const Interfaces& interfaces) {
  const Json document{{"interfaces", documents_of(interfaces)}};
  context.output().show(document, [&](std::ostream& out) {
    Table table(out, context.output().style(), {{"INTERFACE"}, {"MODE"}, {"STATE"}});
    for (const auto& interface : interfaces) {
      const Paint paint = interface.attached() ? Paint::kGreen : Paint::kYellow;
      table.add({interface.name(), interface.mode(), {attachment_of(interface), paint}});
    }
  });
}

}  // namespace tidegate::cli
