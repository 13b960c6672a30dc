// SPDX-License-Identifier: Apache-2.0
#include "agent/api/status_service.hpp"

#include <algorithm>
#include <thread>
#include <tuple>

#include "agent/api/convert.hpp"
#include "agent/api/error_map.hpp"
#include "agent/api/event_stream.hpp"
#include "agent/control/support.hpp"

namespace tidegate::api {
namespace {

constexpr std::size_t kTopRows = 20;
constexpr std::size_t kMostTopRows = 1000;
constexpr double kNothing = 0.05;  // packets per second
constexpr std::chrono::milliseconds kWaitStep{100};

const char* verdict_of(double passed_pps, double dropped_pps) {
  if (dropped_pps < kNothing) return "passed";
  return passed_pps < kNothing ? "dropped" : "limited";
}

void fill(v1::TopRow& to, const telemetry::SourceFigures& from, const std::string& service) {
  to.set_source(from.source.to_string());
  to.set_service(service);
  to.set_reason(std::string(telemetry::reason_name(from.reason)));
  to.set_passed_pps(from.passed_pps);
  to.set_dropped_pps(from.dropped_pps);
  to.set_passed_bps(from.passed_bps);
  to.set_dropped_bps(from.dropped_bps);
  to.set_would_drop_pps(from.would_drop_pps);
  to.set_dropped_total(from.dropped_total);
  to.set_estimated(true);
  to.set_verdict(verdict_of(from.passed_pps, from.dropped_pps));
}

void fill(v1::TopRow& to, const telemetry::CounterRow& from, bool is_service) {
  is_service ? to.set_service(from.name) : to.set_reason(from.name);
  to.set_passed_pps(from.passed_rate.packets_per_second);
  to.set_dropped_pps(from.dropped_rate.packets_per_second);
  to.set_passed_bps(from.passed_rate.bits_per_second);
  to.set_dropped_bps(from.dropped_rate.bits_per_second);
  to.set_would_drop_pps(from.would_drop_rate.packets_per_second);
  to.set_dropped_total(from.dropped.packets);
  to.set_verdict(verdict_of(to.passed_pps(), to.dropped_pps()));
}

void fill_counters(v1::TopResponse& to, std::vector<telemetry::CounterRow> rows, std::size_t limit, bool services) {
  std::stable_sort(rows.begin(), rows.end(), [](const telemetry::CounterRow& a, const telemetry::CounterRow& b) {
    const auto rank = [](const telemetry::CounterRow& row) {
      return std::tuple(row.dropped_rate.packets_per_second, row.would_drop_rate.packets_per_second,
                        row.passed_rate.packets_per_second);
    };
    return rank(a) > rank(b);
  });
  for (std::size_t at = 0; at < std::min(limit, rows.size()); ++at) fill(*to.add_rows(), rows[at], services);
}

grpc::Status top_endpoints(const inspection::Inspection* inspection, std::size_t limit, v1::TopResponse& response) {
  if (response.status().inspector().state() == "off") {
    return to_grpc(Error{ErrorCode::kFailedPrecondition,
                         "top: nothing is inspected; add `tls: {inspect: true}` to a service of the policy"});
  }
  for (const auto& row : inspection->endpoints(limit)) api::fill(*response.add_rows(), row);
  return grpc::Status::OK;
}

// What fires most first, then what counts most.
grpc::Status top_rules(std::vector<control::RuleFigures> rules, std::size_t limit, v1::TopResponse& response) {
  if (rules.empty())
    return to_grpc(Error{ErrorCode::kFailedPrecondition, "top: the policy in force has no behaviour rules"});
  const auto rank = [](const control::RuleFigures& rule) {
    return std::tuple(rule.fired_per_second, rule.matched_per_second, rule.fired, rule.matched);
  };
  std::stable_sort(rules.begin(), rules.end(), [&](const auto& a, const auto& b) { return rank(a) > rank(b); });
  rules.resize(std::min(limit, rules.size()));
  for (const auto& rule : rules) api::fill(*response.add_rows()->mutable_rule(), rule);
  return grpc::Status::OK;
}

bool is_ready(const control::StatusReport& report) {
  return report.generation != 0 &&
         std::all_of(report.interfaces.begin(), report.interfaces.end(),
                     [](const auto& entry) { return !entry.interface.wanted || entry.interface.state.attached; });
}

}  // namespace

// `wait` is bounded by the caller's deadline, and here, so that no client holds a thread for long.
grpc::Status StatusService::GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest* request,
                                      v1::GetStatusResponse* response) {
  auto report = controllers_.status.report();
  const auto most = std::chrono::seconds(std::clamp<std::int64_t>(request->wait().seconds(), 0, 300));
  const auto until = std::chrono::steady_clock::now() + most;
  while (!is_ready(report) && std::chrono::steady_clock::now() < until && !context->IsCancelled()) {
    std::this_thread::sleep_for(kWaitStep);
    report = controllers_.status.report();
  }
  api::fill(*response, report);
  return grpc::Status::OK;
}

grpc::Status StatusService::Why(grpc::ServerContext*, const v1::WhyRequest* request, v1::WhyResponse* response) {
  const auto report = controllers_.why.explain(request->address());
  if (!report) return to_grpc(report.error());
  api::fill(*response, *report);
  return grpc::Status::OK;
}

grpc::Status StatusService::Top(grpc::ServerContext*, const v1::TopRequest* request, v1::TopResponse* response) {
  const std::size_t limit = request->limit() == 0 ? kTopRows : std::min<std::size_t>(request->limit(), kMostTopRows);
  const auto& telemetry = controllers_.env.telemetry;
  const auto status = controllers_.status.report();
  api::fill(*response->mutable_status(), status);
  response->mutable_status()->mutable_rules()->clear_rules();  // a screen asks every second, and there may be thousands
  switch (request->by()) {
    case v1::TOP_BY_UNSPECIFIED:
    case v1::TOP_BY_SOURCE:
      for (const auto& row : telemetry.top_sources(limit)) {
        fill(*response->add_rows(), row, telemetry.service_name(row.service));
      }
      return grpc::Status::OK;
    case v1::TOP_BY_SERVICE:
      fill_counters(*response, status.counters.services, limit, true);
      return grpc::Status::OK;
    case v1::TOP_BY_REASON:
      fill_counters(*response, status.counters.reasons, limit, false);
      return grpc::Status::OK;
    case v1::TOP_BY_ENDPOINT:
      return top_endpoints(controllers_.env.inspection, limit, *response);
    case v1::TOP_BY_RULE:
      return top_rules(status.rules.rules, limit, *response);
    default:
      return to_grpc(Error{ErrorCode::kUnsupported,
                           "top: this agent does not know that order; use source, rule, service, reason or endpoint"});
  }
}

grpc::Status StatusService::Events(grpc::ServerContext* context, const v1::EventsRequest* request,
                                   grpc::ServerWriter<v1::Event>* writer) {
  return stream_events(controllers_.env, *context, *request, *writer);
}

grpc::Status StatusService::Support(grpc::ServerContext*, const v1::SupportRequest*, v1::SupportResponse* response) {
  for (auto& [name, text] : control::support_files(controllers_.env, controllers_.status.report())) {
    (*response->mutable_files())[name] = std::move(text);
  }
  return grpc::Status::OK;
}

}  // namespace tidegate::api
