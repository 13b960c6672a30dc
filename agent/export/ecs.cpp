// SPDX-License-Identifier: Apache-2.0
#include "agent/export/ecs.hpp"

#include <netinet/in.h>

#include <set>

#include "agent/export/ecs_decision.hpp"
#include "agent/telemetry/names.hpp"

namespace tidegate::exports {
namespace {

using telemetry::Event;
using telemetry::EventKind;

constexpr const char* kVersion = "8.11.0";

bool is_packet(const Event& event) { return event.kind == EventKind::kDrop || event.kind == EventKind::kPass; }

Json header(const Event& event, const Observer& observer) {
  Json seen{{"vendor", "Tidegate"}, {"product", "Tidegate"}, {"type", "firewall"}};
  if (!observer.hostname.empty()) seen["hostname"] = observer.hostname;
  if (!observer.version.empty()) seen["version"] = observer.version;
  Json root{{"@timestamp", to_rfc3339(event.time, true)}, {"ecs", {{"version", kVersion}}}};
  if (!event.message.empty()) root["message"] = event.message;
  root["event"] = {{"module", "tidegate"},
                   {"dataset", is_packet(event) ? "tidegate.packet" : "tidegate." + std::string(to_string(event.kind))},
                   {"sequence", event.number}};
  root["observer"] = std::move(seen);
  return root;
}

std::string transport_of(std::uint8_t protocol) {
  switch (protocol) {
    case IPPROTO_ICMP:
      return "icmp";
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_ICMPV6:
      return "ipv6-icmp";
    case IPPROTO_SCTP:
      return "sctp";
    default:
      return {};
  }
}

void add_network(Json& root, const Event& event) {
  Json network = Json::object();
  network["iana_number"] = std::to_string(event.protocol);
  if (const auto transport = transport_of(event.protocol); !transport.empty()) network["transport"] = transport;
  network["type"] = event.source.is_v4() ? "ipv4" : "ipv6";
  network["packets"] = event.packets;
  network["bytes"] = event.bytes;
  root["network"] = std::move(network);
}

// A sampled packet: its figures are what the sample stands for.
void add_packet(Json& root, const Event& event, std::string_view interface) {
  const bool dropped = event.kind == EventKind::kDrop;
  put_kind(root, "event", {"network"}, {dropped && !event.dry_run ? "denied" : "allowed"});
  root["event"]["action"] = std::string(to_string(event.kind));
  if (event.source != Address{}) {
    put_endpoint(root, "source", event.source, event.source_port);
    put_endpoint(root, "destination", event.destination, event.destination_port);
    add_network(root, event);
    put_related(root, {event.source, event.destination});
  }
  if (!event.service.empty()) root["service"] = {{"name", event.service}};
  if (!interface.empty()) root["observer"]["ingress"] = {{"interface", {{"name", interface}}}};
  root["event"]["reason"] = std::string(telemetry::reason_name(event.reason));
  root["tidegate"] = {{"dry_run", event.dry_run}, {"estimated", true}};
}

void add_act(Json& root, const Event& event) {
  const bool warning = event.kind == EventKind::kWarning;
  put_kind(root, "event", {warning ? "host" : "configuration"}, {warning ? "info" : "change"});
  root["event"]["action"] = std::string(to_string(event.kind));
  if (warning) root["log"] = {{"level", "warning"}};
}

}  // namespace

void put_kind(Json& root, std::string_view kind, Json category, Json type) {
  root["event"]["kind"] = kind;
  root["event"]["category"] = std::move(category);
  root["event"]["type"] = std::move(type);
}

void put_endpoint(Json& root, const char* which, const Address& address, std::uint16_t port) {
  if (address == Address{}) return;
  const std::string text = address.to_string();
  root[which]["address"] = text;
  root[which]["ip"] = text;
  if (port != 0) root[which]["port"] = port;
}

void put_related(Json& root, const std::vector<Address>& addresses) {
  std::set<std::string> texts;
  for (const Address& address : addresses) {
    if (address != Address{}) texts.insert(address.to_string());
  }
  if (!texts.empty()) root["related"]["ip"] = texts;
}

std::string to_ecs(const Event& event, const Observer& observer, std::string_view interface) {
  Json root = header(event, observer);
  if (event.decision) {
    add_decision(root, *event.decision);
  } else if (is_packet(event)) {
    add_packet(root, event, interface);
  } else {
    add_act(root, event);
  }
  return root.dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace tidegate::exports
