// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <array>

#include "cli/client.hpp"
#include "cli/command/commands.hpp"
#include "cli/command/common.hpp"
#include "cli/events/ecs.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/escape.hpp"
#include "cli/format/quantity.hpp"
#include "cli/version.hpp"

namespace tidegate::cli {
namespace {

struct EventsOptions {
  bool follow = false;
  std::optional<std::chrono::seconds> since;
  std::string source;
  std::string reason;
  std::string format;
};

std::string endpoint(const std::string& address, std::uint32_t port) {
  if (port == 0) return address;
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

Paint paint_of(const v1::Event& event) {
  if (event.kind() == "drop") return event.dry_run() ? Paint::kYellow : Paint::kRed;
  if (event.kind() == "warning") return Paint::kYellow;
  return event.kind() == "pass" ? Paint::kGreen : Paint::kBold;
}

// "12:00:00.123 drop      203.0.113.7:40000 -> 192.0.2.1:443 tcp  api packet_limit  ×120 (18.0 kB)"
void print_event(std::ostream& out, const Style& style, const v1::Event& event) {
  std::string kind = escape_text(event.kind()) + (event.dry_run() ? " (dry-run)" : "");
  kind.resize(std::max<std::size_t>(kind.size(), 9), ' ');
  std::string rest;
  if (!event.source().empty()) {
    rest += " " + endpoint(event.source(), event.source_port());
    if (!event.destination().empty()) rest += " -> " + endpoint(event.destination(), event.destination_port());
  }
  for (const std::string& word : {event.protocol(), event.interface(), event.service(), event.reason()}) {
    if (!word.empty()) rest += " " + word;
  }
  if (event.packets() > 0) {
    rest += " ×" + short_count(static_cast<double>(event.packets())) + " (" + short_bytes(event.bytes()) + ")";
  }
  if (!event.message().empty()) rest += " " + event.message();
  out << style.paint(Paint::kDim, to_rfc3339(to_wall_time(event.time()), true)) << ' '
      << style.paint(paint_of(event), kind) << escape_text(rest) << '\n';
}

v1::EventsRequest to_request(const EventsOptions& options) {
  v1::EventsRequest request;
  request.set_follow(options.follow);
  if (options.since) *request.mutable_since() = to_duration(*options.since);
  request.set_source(options.source);
  request.set_reason(options.reason);
  return request;
}

Outcome<> follow(Context& context, const v1::EventsRequest& request) {
  Output& output = context.output();
  return context.client().events(request, [&](const v1::Event& event) {
    if (!output.is_table()) return output.stream(document_of(event));
    print_event(output.out(), output.style(), event);
    output.out().flush();
  });
}

// The agent is on this host: its socket is a Unix socket.
std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

// One object a line, whether followed or not: that is what log shippers read.
Outcome<> stream_ecs(Context& context, const v1::EventsRequest& request) {
  const std::string host = host_name();
  std::ostream& out = context.output().out();
  const bool follow = request.follow();
  TIDEGATE_TRY(context.client().events(request, [&](const v1::Event& event) {
    out << ecs_of(event, host, kVersion) << '\n';
    if (follow) out.flush();
  }));
  out.flush();
  return {};
}

Outcome<> events(Context& context, const EventsOptions& options) {
  if (!options.source.empty()) TIDEGATE_TRY(check_targets({options.source}));
  const v1::EventsRequest request = to_request(options);
  if (options.format == "ecs") return stream_ecs(context, request);
  Output& output = context.output();
  if (options.follow || output.is_table()) return follow(context, request);
  bool begun = false;
  TIDEGATE_TRY(context.client().events(request, [&](const v1::Event& event) {
    if (!begun) output.begin_list();
    begun = true;
    output.element(document_of(event));
  }));
  if (!begun) output.begin_list();
  output.end_list();
  return {};
}

}  // namespace

void add_events(Command& root) {
  auto options = std::make_shared<EventsOptions>();
  Command command =
      root.add("events", "Sampled drops, decisions, reloads and warnings",
               "events --since 10m --reason packet_limit\nevents --follow -o json\nevents --follow --format ecs");
  command.flag("-f,--follow", options->follow, "Go on with what happens, until Ctrl-C");
  command.option("--since", options->since,
                 "How far back, such as 10m (default: all that is kept; with --follow nothing)");
  command.option("--source", options->source, "A", "Only of this address or network");
  command.option("--reason", options->reason, "R", "Only with this reason");
  command.option("--format", options->format, "", "ecs: Elastic Common Schema, one JSON object a line (default: as -o)")
      .one_of({"ecs"});
  command.run([options](Context& context) { return events(context, *options); });
}

}  // namespace tidegate::cli
