// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"
#include "cli/command/commands.hpp"
#include "cli/command/common.hpp"
#include "cli/command/decided.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/escape.hpp"

namespace tidegate::cli {
namespace {

struct LimitOptions {
  std::vector<std::string> targets;
  std::optional<std::string> packets;
  std::optional<std::string> bytes;
  std::optional<std::chrono::seconds> duration;
  std::string reason;
  bool force = false;
};

Outcome<> check_rates(const LimitOptions& options) {
  if (!options.packets && !options.bytes) {
    return refuse(Exit::kUsage, "limit needs a rate: --packets 100/s, --bytes 1MB/s or both");
  }
  if (options.packets) {
    const Result<Rate> rate = parse_packet_rate(*options.packets);
    if (!rate) return refuse(Exit::kUsage, "--packets: " + escape_text(rate.error().message));
  }
  if (options.bytes) {
    const Result<Rate> rate = parse_byte_rate(*options.bytes);
    if (!rate) return refuse(Exit::kUsage, "--bytes: " + escape_text(rate.error().message));
  }
  return {};
}

Outcome<> limit(Context& context, const LimitOptions& options) {
  TIDEGATE_TRY(check_rates(options));
  TIDEGATE_TRY(check_targets(options.targets));
  v1::LimitRequest request;
  for (const std::string& target : options.targets) request.add_targets(target);
  request.mutable_rates()->set_packets(options.packets.value_or(""));
  request.mutable_rates()->set_bytes(options.bytes.value_or(""));
  if (options.duration) *request.mutable_duration() = to_duration(*options.duration);
  request.set_reason(options.reason);
  request.set_force(options.force);
  for (const std::string& peer : caller_peers(context.environment())) request.add_caller_peers(peer);
  TIDEGATE_ASSIGN(const v1::BlockResponse response, context.client().limit(request));
  show_decided(context, "limited", response);
  return {};
}

}  // namespace

void add_limit(Command& root) {
  auto options = std::make_shared<LimitOptions>();
  Command command = root.add("limit", "Put a tighter bucket on a source; a CIDR gives each of its sources that limit",
                             "limit 203.0.113.7 --packets 100/s --for 1h\nlimit 198.51.100.0/24 --bytes 1MB/s");
  command.positional("TARGET", options->targets, "Address or CIDR, IPv4 or IPv6").required();
  command.option("--packets", options->packets, "RATE", "Packets, such as 100/s or 30/m");
  command.option("--bytes", options->bytes, "RATE", "Bytes, such as 1MB/s or 8Mbit/s");
  command.option("--for", options->duration, "How long, such as 30s, 5m, 1h or 7d (default: until removed)");
  command.option("--reason", options->reason, "TEXT", "Why, for those who look later");
  command.flag("--force", options->force, "Limit even what the lock-out guard protects; this is recorded");
  command.run([options](Context& context) { return limit(context, *options); });
}

}  // namespace tidegate::cli
