// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"
#include "cli/command/commands.hpp"
#include "cli/command/common.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/escape.hpp"
#include "cli/format/table.hpp"

namespace tidegate::cli {
namespace {

struct AddOptions {
  std::vector<std::string> targets;
  std::string ceiling;
  std::string interface;
  std::string reason;
};

struct RemoveOptions {
  std::vector<std::string> targets;
  bool force = false;
};

template <typename Entries>
void print_entries(std::ostream& out, const Style& style, const Entries& entries) {
  Table table(out, style, {{"TARGET"}, {"ORIGIN"}, {"CEILING", Align::kRight}, {"INTERFACE"}, {"CREATED"}, {"REASON"}});
  for (const v1::SafelistEntry& entry : entries) {
    table.add({entry.target(), entry.origin(), entry.ceiling(), entry.interface().empty() ? "any" : entry.interface(),
               entry.has_created() ? to_rfc3339(to_wall_time(entry.created())) : "-", entry.reason()});
  }
}

Outcome<> add(Context& context, const AddOptions& options) {
  TIDEGATE_TRY(check_targets(options.targets));
  if (!options.ceiling.empty()) {
    const Result<Rate> rate = parse_packet_rate(options.ceiling);
    if (!rate) return refuse(Exit::kUsage, "--ceiling: " + rate.error().message);
  }
  v1::AddSafelistRequest request;
  for (const std::string& target : options.targets) {
    v1::SafelistEntry& entry = *request.add_entries();
    entry.set_target(target);
    entry.set_ceiling(options.ceiling);
    entry.set_interface(options.interface);
    entry.set_reason(options.reason);
  }
  TIDEGATE_ASSIGN(const v1::AddSafelistResponse response, context.client().add_safelist(request));
  const std::string undo = "tidegate safelist remove " + joined(options.targets, " ");
  const Json document{{"entries", documents_of(response.entries())},
                      {"overridden", documents_of(response.overridden())},
                      {"undo", undo}};
  context.output().show(document, [&](std::ostream& out) {
    for (const v1::SafelistEntry& entry : response.entries()) {
      out << "safelisted " << escape_text(entry.target() + " up to " + entry.ceiling()) << '\n';
    }
    for (const v1::Decision& decision : response.overridden()) out << "  no longer acts: " << summary(decision) << '\n';
    out << "undo: " << escape_text(undo) << '\n';
  });
  return {};
}

Outcome<> remove(Context& context, const RemoveOptions& options) {
  TIDEGATE_TRY(check_targets(options.targets));
  v1::RemoveSafelistRequest request;
  for (const std::string& target : options.targets) request.add_targets(target);
  request.set_force(options.force);
  for (const std::string& peer : caller_peers(context.environment())) request.add_caller_peers(peer);
  TIDEGATE_ASSIGN(const v1::RemoveSafelistResponse response, context.client().remove_safelist(request));
  context.output().show({{"removed", response.removed()}}, [&](std::ostream& out) {
    out << response.removed() << (response.removed() == 1 ? " entry" : " entries") << " removed from the safelist\n";
  });
  if (response.removed() > 0) return {};
  return refuse(
      "no entry of `safelist add` has exactly this target; entries of the policy are removed in the policy file");
}

Outcome<> list(Context& context) {
  TIDEGATE_ASSIGN(const v1::ListSafelistResponse response, context.client().list_safelist({}));
  context.output().show(documents_of(response.entries()),
                        [&](std::ostream& out) { print_entries(out, context.output().style(), response.entries()); });
  return {};
}

Outcome<> check(Context& context, const std::string& address) {
  TIDEGATE_TRY(check_address(address));
  v1::CheckSafelistRequest request;
  request.set_address(address);
  TIDEGATE_ASSIGN(const v1::CheckSafelistResponse response, context.client().check_safelist(request));
  const bool safe = !response.matches().empty();
  const Json document{{"address", address}, {"safelisted", safe}, {"matches", documents_of(response.matches())}};
  context.output().show(document, [&](std::ostream& out) {
    out << escape_text(address) << (safe ? " is safelisted\n" : " is not safelisted\n");
    if (safe) print_entries(out, context.output().style(), response.matches());
  });
  return {};
}

void register_add(Command& safelist) {
  auto options = std::make_shared<AddOptions>();
  Command command =
      safelist.add("add", "Never block these addresses",
                   "safelist add 192.0.2.10\nsafelist add 2001:db8:a::/48 --ceiling 100000/s --interface eth0");
  command.positional("TARGET", options->targets, "Address or CIDR, IPv4 or IPv6").required();
  command.option("--ceiling", options->ceiling, "RATE",
                 "Packets it may send, for sources can be forged (default: 1000000/s)");
  command.option("--interface", options->interface, "NAME", "Only packets that arrive here");
  command.option("--reason", options->reason, "TEXT", "Why, for those who look later");
  command.run([options](Context& context) { return add(context, *options); });
}

}  // namespace

void add_safelist(Command& root) {
  Command safelist = root.add_group("safelist", "Addresses that no decision blocks",
                                    "safelist add 192.0.2.10 --reason monitoring\nsafelist check 192.0.2.10");
  register_add(safelist);

  auto removed = std::make_shared<RemoveOptions>();
  Command remove_command = safelist.add("remove", "Take back `safelist add`", "safelist remove 192.0.2.10");
  remove_command.positional("TARGET", removed->targets, "Address or CIDR as it was added").required();
  remove_command.flag("--force", removed->force, "Override the lock-out guard; this is recorded");
  remove_command.run([removed](Context& context) { return remove(context, *removed); });

  safelist.add("list", "Entries of the policy and of `safelist add`", "safelist list -o json").run(list);

  auto address = std::make_shared<std::string>();
  Command check_command =
      safelist.add("check", "Whether an address is safelisted, and by what", "safelist check 192.0.2.10");
  check_command.positional("ADDRESS", *address, "IPv4 or IPv6 address").required();
  check_command.run([address](Context& context) { return check(context, *address); });
}

}  // namespace tidegate::cli
