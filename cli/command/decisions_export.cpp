// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/transfer.hpp"
#include "cli/client.hpp"
#include "cli/command/decisions.hpp"
#include "cli/context.hpp"
#include "cli/format/documents.hpp"

namespace tidegate::cli {
namespace {

struct ExportOptions {
  std::optional<std::string> format;
  std::string origin;
};

Outcome<decisions::LimitRates> rates_of(const v1::LimitRates& limit) {
  decisions::LimitRates rates;
  if (!limit.packets().empty()) {
    TIDEGATE_ASSIGN(rates.packets, parse_packet_rate(limit.packets()));
  }
  if (!limit.bytes().empty()) {
    TIDEGATE_ASSIGN(rates.bytes, parse_byte_rate(limit.bytes()));
  }
  return rates;
}

Outcome<decisions::Decision> from_message(const v1::Decision& message) {
  decisions::Decision decision;
  TIDEGATE_ASSIGN(decision.target, Prefix::parse(message.target()));
  TIDEGATE_ASSIGN(decision.action, decisions::parse_action(action_name(message.action())));
  TIDEGATE_ASSIGN(decision.limit, rates_of(message.limit()));
  decision.origin = message.origin();
  decision.reason = message.reason();
  if (message.has_expires()) decision.expires = to_wall_time(message.expires());
  decision.forced = message.forced();
  decision.actor = message.actor();
  decision.id = message.id();
  decision.created = to_wall_time(message.created());
  return decision;
}

Outcome<> write_decisions(Context& context, const ExportOptions& options) {
  // Without --format, `-o json` means JSON.
  const char* usual = context.output().format() == Format::kJson ? "json" : "plain";
  TIDEGATE_ASSIGN(const decisions::Format format, decisions::parse_format(options.format.value_or(usual)));
  std::ostream& out = context.output().out();
  const auto exporter = decisions::Exporter::create(
      format, context.environment().clock.wall(),
      [&out](std::string_view text) { out.write(text.data(), static_cast<std::streamsize>(text.size())); });
  v1::ListDecisionsRequest request;
  request.set_origin(options.origin);
  Outcome<> converted;
  TIDEGATE_TRY(context.client().list_decisions(request, [&](const v1::Decision& message) {
    if (message.has_identity()) return true;  // nobody else recognises it, and not for long
    const Outcome<decisions::Decision> decision = from_message(message);
    if (!decision) {
      converted = refuse("the agent sent a decision that cannot be read (id " + std::to_string(message.id()) +
                         "): " + decision.error().message);
      return false;
    }
    exporter->add(*decision);
    return static_cast<bool>(out);
  }));
  TIDEGATE_TRY(converted);
  exporter->finish();
  return {};
}

}  // namespace

void add_decisions_export(Command& decisions) {
  auto options = std::make_shared<ExportOptions>();
  Command command =
      decisions.add("export", "Write decisions in a form that import or nft understands",
                    "decisions export --format csv > decisions.csv\ndecisions export --format nft | nft -c -f -");
  command.option("--format", options->format, "", "plain is the default").one_of({"plain", "json", "csv", "nft"});
  command.option("--origin", options->origin, "O", "Only of this origin");
  command.run([options](Context& context) { return write_decisions(context, *options); });
}

}  // namespace tidegate::cli
