// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"
#include "cli/command/attachments.hpp"
#include "cli/command/commands.hpp"

namespace tidegate::cli {
namespace {

Outcome<> attach(Context& context, const std::string& interface) {
  ::tidegate::v1::AttachRequest request;
  request.set_interface(interface);
  TIDEGATE_ASSIGN(const auto response, context.client().attach(request));
  show_attachments(context, response.interfaces());
  for (const auto& state : response.interfaces()) {
    if (!state.attached()) {
      return refuse("interface " + state.name() + " is not attached" +
                    (state.problem().empty() ? "" : ": " + state.problem()));
    }
  }
  return {};
}

}  // namespace

void add_attach(Command& root) {
  auto interface = std::make_shared<std::string>();
  Command command = root.add("attach", "Start enforcement again after detach", "attach\nattach --interface eth0");
  command.option("--interface", *interface, "NAME", "Only this interface (default: all of the policy)");
  command.run([interface](Context& context) { return attach(context, *interface); });
}

}  // namespace tidegate::cli
