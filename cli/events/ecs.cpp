// SPDX-License-Identifier: Apache-2.0
#include "cli/events/ecs.hpp"

#include <netinet/in.h>

#include <array>
#include <charconv>
#include <memory>

#include "agent/export/ecs.hpp"
#include "agent/telemetry/names.hpp"
#include "cli/format/documents.hpp"

namespace tidegate::cli {
namespace {

using Change = telemetry::DecisionDetail::Change;
using telemetry::EventKind;

constexpr unsigned kMostReasons = 256;

template <typename Enum, std::size_t N>
Enum value_of(const std::array<Enum, N>& all, const std::string& name, Enum otherwise) {
  for (const Enum value : all) {
    if (to_string(value) == name) return value;
  }
  return otherwise;
}

EventKind kind_of(const std::string& name) {
  constexpr std::array kAll{EventKind::kDrop,   EventKind::kPass,     EventKind::kDecision,
                            EventKind::kPolicy, EventKind::kSafelist, EventKind::kAttach};
  return value_of(kAll, name, EventKind::kWarning);
}

Change change_of(const std::string& name) {
  constexpr std::array kAll{Change::kReported, Change::kRefused,  Change::kExpired,
                            Change::kRemoved,  Change::kImported, Change::kAlarm};
  return value_of(kAll, name, Change::kMade);
}

std::uint16_t reason_of(const std::string& name) {
  for (unsigned reason = 0; reason < kMostReasons; ++reason) {
    if (telemetry::reason_name(reason) == name) return static_cast<std::uint16_t>(reason);
  }
  return kMostReasons;
}

std::uint8_t protocol_of(const std::string& name) {
  constexpr std::array<std::pair<std::string_view, std::uint8_t>, 7> kNames{{{"icmp", IPPROTO_ICMP},
                                                                             {"tcp", IPPROTO_TCP},
                                                                             {"udp", IPPROTO_UDP},
                                                                             {"gre", IPPROTO_GRE},
                                                                             {"esp", IPPROTO_ESP},
                                                                             {"icmpv6", IPPROTO_ICMPV6},
                                                                             {"sctp", IPPROTO_SCTP}}};
  for (const auto& [known, number] : kNames) {
    if (known == name) return number;
  }
  std::uint8_t number = 0;
  std::from_chars(name.data(), name.data() + name.size(), number);
  return number;
}

Address address_of(const std::string& text) { return Address::parse(text).value_or(Address{}); }

std::optional<Prefix> prefix_of(const std::string& text) {
  const auto prefix = Prefix::parse(text);
  return prefix ? std::optional(*prefix) : std::nullopt;
}

std::uint16_t port_of(std::uint32_t port) { return static_cast<std::uint16_t>(port); }

void take_evidence(telemetry::RuleFinding& to, const v1::Evidence& from) {
  to.evidence = from.text();
  to.observed = from.observed();
  to.threshold = from.threshold();
  to.estimated = from.estimated();
  to.window = std::chrono::seconds(from.window().seconds());
  for (const auto& example : from.examples())
    to.examples.push_back({example.path_template(), to_wall_time(example.time())});
}

telemetry::RuleFinding finding_of(const v1::RuleFinding& from) {
  telemetry::RuleFinding to;
  to.rule = from.rule();
  to.outcome = from.outcome();
  to.explanation = from.explanation();
  to.service = from.service();
  to.client = {address_of(from.client()), port_of(from.client_port())};
  to.server = {address_of(from.server()), port_of(from.server_port())};
  to.named = address_of(from.named());
  to.source = prefix_of(from.source());
  to.session = from.session();
  to.account = from.account();
  to.ja4 = from.ja4();
  to.time = to_wall_time(from.time());
  to.lasts = std::chrono::seconds(from.lasts().seconds());
  to.repetition = from.repetition();
  to.priority = static_cast<int>(from.priority());
  take_evidence(to, from.evidence());
  return to;
}

telemetry::DecisionDetail detail_of(const v1::DecisionEvent& from) {
  telemetry::DecisionDetail to;
  to.change = change_of(from.change());
  to.id = from.id();
  to.action = from.action();
  to.target = prefix_of(from.target());
  to.origin = from.origin();
  to.actor = from.actor();
  to.reason = from.reason();
  if (from.has_created()) to.created = to_wall_time(from.created());
  if (from.has_expires()) to.expires = to_wall_time(from.expires());
  to.packets = from.limit().packets();
  to.bytes = from.limit().bytes();
  to.count = from.count();
  if (from.has_finding()) to.finding = finding_of(from.finding());
  return to;
}

}  // namespace

std::string ecs_of(const v1::Event& from, const std::string& hostname, const std::string& version) {
  telemetry::Event event;
  event.number = from.number();
  event.time = to_wall_time(from.time());
  event.kind = kind_of(from.kind());
  event.source = address_of(from.source());
  event.destination = address_of(from.destination());
  event.source_port = port_of(from.source_port());
  event.destination_port = port_of(from.destination_port());
  event.protocol = protocol_of(from.protocol());
  event.dry_run = from.dry_run();
  event.reason = reason_of(from.reason());
  event.packets = from.packets();
  event.bytes = from.bytes();
  event.service = from.service();
  event.message = from.message();
  if (from.has_decision())
    event.decision = std::make_shared<const telemetry::DecisionDetail>(detail_of(from.decision()));
  return exports::to_ecs(event, {.hostname = hostname, .version = version}, from.interface());
}

}  // namespace tidegate::cli
