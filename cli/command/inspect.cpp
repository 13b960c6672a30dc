// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/plan.hpp"
#include "agent/openapi/load.hpp"
#include "cli/command/commands.hpp"
#include "cli/command/policy.hpp"
#include "cli/context.hpp"
#include "cli/format/escape.hpp"
#include "cli/inspect/reading.hpp"
#include "cli/inspect/view.hpp"

namespace tidegate::cli {
namespace {

struct Options {
  CaptureFiles files;
  std::optional<std::string> policy;
  bool stats = false;
  bool events = false;
};

// One JSON object a line is what this command is for; a table is for eyes.
Format format_of(Context& context) {
  if (context.format_given() || context.environment().out_terminal) return context.output().format();
  return Format::kJson;
}

// Every connection is looked into, whether the policy asks for it or not: it is used for names, identities and proxies.
Outcome<inspect::Settings> settings_of(Context& context, const std::optional<std::string>& file,
                                       behavior::OperationNames& operations) {
  inspect::Settings settings;
  if (file) {
    TIDEGATE_ASSIGN(PolicyText source, read_policy_text(context, *file));
    const std::string name = source.name;
    const config::ParsedPolicy parsed = check_whole_policy(std::move(source));
    for (const policy::Issue& issue : parsed.issues) {
      context.environment().err << escape_text(config::format_issue(name, issue)) << '\n';
    }
    if (!parsed.valid()) return refuse("");
    settings = inspection::make_plan(parsed.policy).settings;
    operations = openapi::operation_names(parsed.policy);
  }
  settings.everything = true;
  TIDEGATE_TRY(draw_identity_key(settings));
  return settings;
}

Outcome<> inspect_capture(Context& context, const Options& options) {
  behavior::OperationNames operations;
  TIDEGATE_ASSIGN(const inspect::Settings settings, settings_of(context, options.policy, operations));
  auto view = make_request_view(context.output().out(), context.output().style(), format_of(context), options.events,
                                std::move(operations));
  TIDEGATE_ASSIGN(const auto reading, read_capture(context, options.files, settings, options.events, *view));
  view.reset();  // ends a table, before the totals
  if (options.stats) print_statistics(context.output().out(), format_of(context), reading.finished.statistics.counters);
  context.output().out().flush();
  return conclude_reading(context, options.files.pcap, reading, false);
}

}  // namespace

void add_inspect(Command& root) {
  auto options = std::make_shared<Options>();
  Command command = root.add("inspect", "HTTP requests in a capture, TLS decrypted; works without an agent",
                             "inspect --pcap edge.pcapng --keylog keys.log\n"
                             "inspect --pcap edge.pcap --keylog keys.log -o json --stats | jq .status");
  command
      .option("--pcap", options->files.pcap, "FILE", "Capture, pcap or pcapng: Ethernet, raw IP, Linux cooked or NULL")
      .required();
  command.option("--keylog", options->files.keylogs, "FILE",
                 "TLS secrets in NSS key log format; may be repeated; not needed for secrets inside a pcapng");
  command.option("--policy", options->policy, "FILE",
                 "Policy that says what a session, an account and a trusted proxy is, and names API descriptions");
  command.flag("--events", options->events,
               "Also handshakes without a request, requests that stall, and attacks in payloads where the policy has "
               "them examined; each object says its `kind`");
  command.option("--payload-rules", options->files.payload_rules, "DIR", kPayloadRulesHelp);
  command.flag("--stats", options->stats, "End with one object of totals");
  command.run([options](Context& context) { return inspect_capture(context, *options); });
}

}  // namespace tidegate::cli
