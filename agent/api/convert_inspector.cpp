// SPDX-License-Identifier: Apache-2.0
#include "agent/api/convert.hpp"

namespace tidegate::api {
namespace {

using inspect::Counter;
using inspect::CounterKind;

const char* to_string(CounterKind kind) {
  switch (kind) {
    case CounterKind::kTraffic:
      return "traffic";
    case CounterKind::kLoss:
      return "loss";
    case CounterKind::kHostile:
      return "hostile";
  }
  return "unknown";
}

void fill(v1::KeySourceStatus& to, const inspection::KeySourceReport& from) {
  to.set_kind(from.kind);
  to.set_path(from.path);
  to.set_accepted(from.accepted);
  to.set_malformed(from.malformed);
  to.set_dropped(from.dropped);
  to.set_refused(from.refused);
  to.set_senders(from.senders);
  if (from.last_seen) set_duration(to.mutable_last_seen(), *from.last_seen);
  to.set_problem(from.problem);
}

void fill(v1::PayloadStatus& to, const inspection::PayloadReport& from) {
  to.set_state(std::string(to_string(from.state)));
  to.set_problem(from.problem);
  to.set_restarts(from.restarts);
  to.set_kills(from.kills);
  to.set_memory_bytes(from.memory);
  to.set_sandboxed(from.sandboxed);
}

void fill_counters(v1::InspectorStatus& to, const inspect::Counters& from) {
  to.set_lost_bytes(from.of(Counter::kLostBytes));
  to.set_connections(from.of(Counter::kConnections));
  to.set_decrypted(from.of(Counter::kDecrypted));
  to.set_no_key(from.of(Counter::kNoKey));
  to.set_requests(from.of(Counter::kRequests));
  for (std::size_t i = 0; i < inspect::kCounters; ++i) {
    const auto counter = static_cast<Counter>(i);
    auto* row = to.add_counters();
    row->set_name(std::string(text_of(counter).name));
    row->set_kind(to_string(text_of(counter).kind));
    row->set_count(from.of(counter));
  }
}

double milliseconds(std::chrono::nanoseconds time) { return std::chrono::duration<double, std::milli>(time).count(); }

}  // namespace

void fill(v1::InspectorStatus& to, const inspection::Report& from) {
  to.set_state(std::string(to_string(from.state)));
  to.set_problem(from.problem);
  fill_counters(to, from.counters);
  for (const auto& service : from.services) to.add_services(service);
  for (const auto& source : from.keys) fill(*to.add_keys(), source);
  to.set_open_connections(from.open_connections);
  to.set_sessions(from.sessions);
  to.set_sandboxed(from.sandboxed);
  to.set_secrets_locked(from.secrets_locked);
  to.set_key_store_locked(from.key_store_locked);
  to.set_shedding(from.shedding);
  to.set_shed_share(from.shed_share);
  to.set_ring_fill(from.ring_fill);
  to.set_restarts(from.restarts);
  to.set_kills(from.kills);
  to.set_memory_bytes(from.memory);
  to.set_resident_bytes(from.resident_bytes);
  fill(*to.mutable_payloads(), from.payloads);
}

void fill(v1::TopRow& to, const inspection::EndpointRow& from) {
  to.set_service(from.service);
  auto& endpoint = *to.mutable_endpoint();
  endpoint.set_method(from.method);
  endpoint.set_path_template(from.path_template);
  endpoint.set_requests(from.requests);
  endpoint.set_requests_per_second(from.requests_per_second);
  for (const auto count : from.by_class) endpoint.add_by_class(count);
  endpoint.set_request_bytes(from.request_bytes);
  endpoint.set_response_bytes(from.response_bytes);
  endpoint.set_median_ms(milliseconds(from.median));
  endpoint.set_p99_ms(milliseconds(from.p99));
}

}  // namespace tidegate::api
