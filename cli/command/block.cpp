// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"
#include "cli/command/commands.hpp"
#include "cli/command/common.hpp"
#include "cli/command/decided.hpp"
#include "cli/format/documents.hpp"

namespace tidegate::cli {
namespace {

struct BlockOptions {
  std::vector<std::string> targets;
  std::optional<std::chrono::seconds> duration;
  std::string reason;
  bool force = false;
};

Outcome<> block(Context& context, const BlockOptions& options) {
  TIDEGATE_TRY(check_targets(options.targets));
  v1::BlockRequest request;
  for (const std::string& target : options.targets) request.add_targets(target);
  if (options.duration) *request.mutable_duration() = to_duration(*options.duration);
  request.set_reason(options.reason);
  request.set_force(options.force);
  for (const std::string& peer : caller_peers(context.environment())) request.add_caller_peers(peer);
  TIDEGATE_ASSIGN(const v1::BlockResponse response, context.client().block(request));
  show_decided(context, "blocked", response);
  return {};
}

}  // namespace

void add_block(Command& root) {
  auto options = std::make_shared<BlockOptions>();
  Command command =
      root.add("block", "Drop everything from an address or network",
               "block 203.0.113.7 --for 1h --reason 'login flood'\nblock 2001:db8:bad::/48 198.51.100.0/24");
  command.positional("TARGET", options->targets, "Address or CIDR, IPv4 or IPv6").required();
  command.option("--for", options->duration, "How long, such as 30s, 5m, 1h or 7d (default: until removed)");
  command.option("--reason", options->reason, "TEXT", "Why, for those who look later");
  command.flag("--force", options->force, "Block even what the lock-out guard protects; this is recorded");
  command.run([options](Context& context) { return block(context, *options); });
}

}  // namespace tidegate::cli
