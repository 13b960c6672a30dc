// SPDX-License-Identifier: Apache-2.0
#include "agent/telemetry/telemetry.hpp"

namespace tidegate::telemetry {
namespace {

Event to_event(const tg_event& raw, WallTime time, std::string service) {
  return {.number = 0,
          .time = time,
          .kind = raw.flags & TG_EVENT_DROPPED ? EventKind::kDrop : EventKind::kPass,
          .source = {raw.source.hi, raw.source.lo},
          .destination = {raw.destination.hi, raw.destination.lo},
          .source_port = raw.source_port,
          .destination_port = raw.destination_port,
          .protocol = raw.protocol,
          .dry_run = (raw.flags & TG_EVENT_DRY_RUN) != 0,
          .reason = raw.reason,
          .ifindex = raw.ifindex,
          .packets = raw.weight_packets,
          .bytes = raw.weight_bytes,
          .service = std::move(service),
          .message = {}};
}

}  // namespace

void Telemetry::set_policy(const std::map<std::string, unsigned>& slots, unsigned ipv4_prefix, unsigned ipv6_prefix) {
  bool regrouped;
  {
    auto naming = naming_.lock();
    const Naming next{ServiceNames(slots), 96 + ipv4_prefix, ipv6_prefix};
    regrouped = naming->v4_length != next.v4_length || naming->v6_length != next.v6_length;
    *naming = next;
  }
  if (regrouped) sources_.lock()->clear();
}

// Frames without an IP source (ARP, what could not be parsed) belong to no source.
void Telemetry::count(const tg_event& event, MonotonicTime now) {
  const Address address{event.source.hi, event.source.lo};
  if (address == Address{}) return;
  const Prefix source = source_of(address);
  sources_.lock()->add({.source = source,
                        .service = event.service,
                        .reason = event.reason,
                        .dropped = (event.flags & TG_EVENT_DROPPED) != 0,
                        .would_drop = (event.flags & TG_EVENT_DRY_RUN) != 0,
                        .packets = event.weight_packets,
                        .bytes = event.weight_bytes},
                       now);
}

void Telemetry::ingest(const tg_event& event) {
  const MonotonicTime now = clock_.monotonic();
  const MonotonicTime age = std::max(now - MonotonicTime(event.time), MonotonicTime::zero());
  count(event, now);
  events_.add(to_event(event, clock_.wall() - age, service_name(event.service)));
}

void Telemetry::snapshot(kernel::Counters counters) { counters_.lock()->add(std::move(counters), clock_.monotonic()); }

void Telemetry::note(EventKind kind, std::string message) {
  Event event;
  event.time = clock_.wall();
  event.kind = kind;
  event.message = std::move(message);
  events_.add(std::move(event));
}

void Telemetry::note(EventKind kind, std::string message, DecisionDetail detail) {
  Event event;
  event.time = clock_.wall();
  event.kind = kind;
  event.message = std::move(message);
  event.decision = std::make_shared<const DecisionDetail>(std::move(detail));
  events_.add(std::move(event));
}

std::vector<SourceFigures> Telemetry::top_sources(std::size_t limit) const {
  return sources_.lock()->top(limit, clock_.monotonic());
}

std::vector<SourceFigures> Telemetry::source(const Address& address) const {
  const Prefix source = source_of(address);
  return sources_.lock()->of(source, clock_.monotonic());
}

CounterView Telemetry::counters() const {
  const ServiceNames names = naming_.lock()->names;
  return counters_.lock()->view(names);
}

std::vector<ExactCount> Telemetry::exact_counts() const {
  const ServiceNames names = naming_.lock()->names;
  return counters_.lock()->exact(names);
}

std::optional<std::chrono::nanoseconds> Telemetry::counters_age() const {
  return counters_.lock()->age(clock_.monotonic());
}

std::string Telemetry::service_name(unsigned slot) const { return naming_.lock()->names.of(slot); }

Prefix Telemetry::source_of(const Address& address) const {
  const auto naming = naming_.lock();
  return Prefix::around(address, address.is_v4() ? naming->v4_length : naming->v6_length);
}

}  // namespace tidegate::telemetry
