// SPDX-License-Identifier: Apache-2.0
// What inspection reports, as documents.
#include "cli/format/documents.hpp"

namespace tidegate::cli {
namespace {

Json document_of(const v1::KeySourceStatus& source) {
  return {{"kind", source.kind()},
          {"path", text_or_null(source.path())},
          {"accepted", source.accepted()},
          {"malformed", source.malformed()},
          {"dropped", source.dropped()},
          {"refused", source.refused()},
          {"senders", source.senders()},
          {"last_seen_seconds", source.has_last_seen() ? Json(source.last_seen().seconds()) : Json(nullptr)},
          {"problem", text_or_null(source.problem())}};
}

}  // namespace

Json document_of(const v1::InspectorStatus& inspector) {
  Json services = Json::array();
  for (const auto& service : inspector.services()) services.push_back(service);
  Json keys = Json::array();
  for (const auto& source : inspector.keys()) keys.push_back(document_of(source));
  Json counters = Json::object();
  for (const auto& counter : inspector.counters()) counters[counter.name()] = counter.count();
  return {{"state", inspector.state()},
          {"problem", text_or_null(inspector.problem())},
          {"services", std::move(services)},
          {"lost_bytes", inspector.lost_bytes()},
          {"connections", inspector.connections()},
          {"open_connections", inspector.open_connections()},
          {"decrypted", inspector.decrypted()},
          {"no_key", inspector.no_key()},
          {"requests", inspector.requests()},
          {"sessions", inspector.sessions()},
          {"keys", std::move(keys)},
          {"counters", std::move(counters)},
          {"shedding", inspector.shedding()},
          {"shed_share", inspector.shed_share()},
          {"ring_fill", inspector.ring_fill()},
          {"sandboxed", inspector.sandboxed()},
          {"secrets_locked", inspector.secrets_locked()},
          {"key_store_locked", inspector.key_store_locked()},
          {"restarts", inspector.restarts()},
          {"kills", inspector.kills()},
          {"memory_bytes", inspector.memory_bytes()},
          {"resident_bytes", inspector.resident_bytes()},
          {"payloads",
           {{"state", inspector.payloads().state()},
            {"problem", text_or_null(inspector.payloads().problem())},
            {"restarts", inspector.payloads().restarts()},
            {"kills", inspector.payloads().kills()},
            {"memory_bytes", inspector.payloads().memory_bytes()},
            {"sandboxed", inspector.payloads().sandboxed()}}}};
}

Json document_of(const std::string& service, const v1::EndpointFigures& endpoint) {
  static constexpr const char* kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  Json status = Json::object();
  for (int i = 0; i < std::min(endpoint.by_class_size(), 6); ++i) status[kClasses[i]] = endpoint.by_class(i);
  return {{"service", text_or_null(service)},
          {"method", text_or_null(endpoint.method())},
          {"path_template", endpoint.path_template()},
          {"requests", endpoint.requests()},
          {"requests_per_second", rounded(endpoint.requests_per_second())},
          {"status", std::move(status)},
          {"request_bytes", endpoint.request_bytes()},
          {"response_bytes", endpoint.response_bytes()},
          {"p50_ms", endpoint.median_ms()},
          {"p99_ms", endpoint.p99_ms()}};
}

}  // namespace tidegate::cli
