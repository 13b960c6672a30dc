// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"
#include "cli/command/attachments.hpp"
#include "cli/command/commands.hpp"

namespace tidegate::cli {
namespace {

struct DetachOptions {
  std::string interface;
  bool yes = false;
};

Outcome<> detach(Context& context, const DetachOptions& options) {
  const std::string where = options.interface.empty() ? "every interface" : options.interface;
  if (!options.yes && !context.confirmed("Stop enforcement on " + where + "? All traffic will pass.")) {
    return refuse("not confirmed; nothing was detached");
  }
  ::tidegate::v1::DetachRequest request;
  request.set_interface(options.interface);
  TIDEGATE_ASSIGN(const auto response, context.client().detach(request));
  show_attachments(context, response.interfaces());
  context.say("enforcement on " + where + " is off until `tidegate attach" +
              (options.interface.empty() ? "" : " --interface " + options.interface) + "`, restarts included");
  return {};
}

}  // namespace

void add_detach(Command& root) {
  auto options = std::make_shared<DetachOptions>();
  Command command =
      root.add("detach", "Stop enforcement, the only thing that does", "detach --interface eth0\ndetach --yes");
  command.option("--interface", options->interface, "NAME", "Only this interface (default: all of them)");
  command.flag("--yes", options->yes, "Do not ask");
  command.run([options](Context& context) { return detach(context, *options); });
}

}  // namespace tidegate::cli
