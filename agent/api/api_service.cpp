// SPDX-License-Identifier: Apache-2.0
#include "agent/api/api_service.hpp"

#include "agent/api/convert.hpp"
#include "agent/api/error_map.hpp"

namespace tidegate::api {
namespace {

void fill(v1::ApiEndpoint& to, const inspection::ApiRow& from) {
  to.set_operation(from.operation);
  to.set_method(from.method);
  to.set_path(from.path);
  to.set_deprecated(from.deprecated);
  to.set_undocumented(from.undocumented);
  to.set_wrong_method(from.wrong_method);
  to.set_calls(from.calls);
  to.set_callers(from.callers);
  for (const std::uint64_t count : from.by_class) to.add_by_class(count);
  for (const auto& [status, count] : from.statuses) {
    v1::ApiStatus& one = *to.add_statuses();
    one.set_status(status);
    one.set_count(count);
  }
  to.set_undeclared_query(from.undeclared_query);
  to.set_invalid_path(from.invalid_path);
  to.set_invalid_query(from.invalid_query);
  if (from.last_seen) set_time(to.mutable_last_seen(), *from.last_seen);
}

}  // namespace

grpc::Status ApiService::Report(grpc::ServerContext*, const v1::ApiReportRequest* request,
                                v1::ApiReportResponse* response) {
  if (figures_ == nullptr) return to_grpc(Error{ErrorCode::kFailedPrecondition, "this agent inspects nothing"});
  const auto report = figures_->report(request->service());
  if (!report) return to_grpc(report.error());
  response->set_service(report->service);
  response->set_file(report->file);
  set_time(response->mutable_since(), report->since);
  for (const inspection::ApiRow& row : report->rows) fill(*response->add_endpoints(), row);
  return grpc::Status::OK;
}

}  // namespace tidegate::api
