// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"
#include "cli/command/commands.hpp"
#include "cli/command/common.hpp"
#include "cli/context.hpp"
#include "cli/format/documents.hpp"
#include "cli/format/escape.hpp"
#include "cli/format/quantity.hpp"
#include "cli/format/table.hpp"

namespace tidegate::cli {
namespace {

using v1::ApiEndpoint;

std::string time_text(const google::protobuf::Timestamp& time) { return to_rfc3339(to_wall_time(time)); }

Json document_of(const ApiEndpoint& endpoint) {
  static constexpr const char* kClasses[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  Json classes = Json::object();
  for (int i = 0; i < endpoint.by_class_size() && i < 6; ++i) classes[kClasses[i]] = endpoint.by_class(i);
  Json statuses = Json::array();
  for (const v1::ApiStatus& status : endpoint.statuses())
    statuses.push_back({{"status", status.status()}, {"count", status.count()}});
  return {{"operation", text_or_null(endpoint.operation())},
          {"method", text_or_null(endpoint.method())},
          {"path", endpoint.path()},
          {"deprecated", endpoint.deprecated()},
          {"undocumented", endpoint.undocumented()},
          {"wrong_method", endpoint.wrong_method()},
          {"calls", endpoint.calls()},
          {"callers", endpoint.callers()},
          {"classes", std::move(classes)},
          {"statuses", std::move(statuses)},
          {"undeclared_query", endpoint.undeclared_query()},
          {"invalid_path", endpoint.invalid_path()},
          {"invalid_query", endpoint.invalid_query()},
          {"last_seen", time_or_null(endpoint.has_last_seen(), endpoint.last_seen())}};
}

Json document_of(const v1::ApiReportResponse& report) {
  Json endpoints = Json::array();
  for (const ApiEndpoint& endpoint : report.endpoints()) endpoints.push_back(document_of(endpoint));
  return {{"service", report.service()},
          {"file", report.file()},
          {"since", time_text(report.since())},
          {"estimated", true},
          {"endpoints", std::move(endpoints)}};
}

std::string notes_of(const ApiEndpoint& endpoint) {
  std::string notes;
  const auto add = [&](const std::string& note) { notes += (notes.empty() ? "" : ", ") + note; };
  if (endpoint.undocumented()) add("undocumented");
  if (endpoint.wrong_method()) add("wrong method");
  if (endpoint.deprecated()) add(endpoint.calls() > 0 ? "deprecated, still called" : "deprecated");
  if (endpoint.undeclared_query() > 0) add(std::to_string(endpoint.undeclared_query()) + " undeclared query");
  if (endpoint.invalid_path() > 0) add(std::to_string(endpoint.invalid_path()) + " invalid path");
  if (endpoint.invalid_query() > 0) add(std::to_string(endpoint.invalid_query()) + " invalid query");
  if (notes.empty() && endpoint.calls() == 0) add("never called");
  return notes;
}

// "200 401 404", the most frequent first.
std::string statuses_of(const ApiEndpoint& endpoint) {
  std::string text;
  for (int i = 0; i < endpoint.statuses_size() && i < 4; ++i)
    text += (i == 0 ? "" : " ") + std::to_string(endpoint.statuses(i).status());
  return text.empty() ? "-" : text;
}

bool is_odd(const ApiEndpoint& endpoint) {
  return endpoint.undocumented() || endpoint.wrong_method() || (endpoint.deprecated() && endpoint.calls() > 0);
}

void print(Context& context, std::ostream& out, const v1::ApiReportResponse& report) {
  Table table(out, context.output().style(),
              {{"METHOD"},
               {"PATH"},
               {"CALLS", Align::kRight},
               {"CALLERS", Align::kRight},
               {"STATUS"},
               {"LAST SEEN"},
               {"NOTES"}});
  for (const ApiEndpoint& endpoint : report.endpoints()) {
    table.add({endpoint.method().empty() ? "-" : endpoint.method(),
               endpoint.path(),
               std::to_string(endpoint.calls()),
               std::to_string(endpoint.callers()),
               statuses_of(endpoint),
               endpoint.has_last_seen() ? time_text(endpoint.last_seen()) : "never",
               {notes_of(endpoint), is_odd(endpoint) ? Paint::kYellow : Paint::kPlain}});
  }
  table.finish();
  out << "since " << time_text(report.since()) << ", against " << escape_text(report.file())
      << "; callers are estimated\n";
}

Outcome<> report(Context& context, const std::string& service) {
  v1::ApiReportRequest request;
  request.set_service(service);
  TIDEGATE_ASSIGN(const auto response, context.client().api_report(request));
  context.output().show(document_of(response), [&](std::ostream& out) { print(context, out, response); });
  return {};
}

}  // namespace

void add_api(Command& root) {
  Command api = root.add_group("api", "What is asked of services that have an API description", "api report shop");
  auto service = std::make_shared<std::string>();
  Command command = api.add("report", "Calls of each operation, and of what the description does not have",
                            "api report shop\n"
                            "api report shop -o json | jq '.endpoints[] | select(.undocumented)'");
  command.positional("SERVICE", *service, "Service of the policy in force, with `openapi`").required();
  command.run([service](Context& context) { return report(context, *service); });
}

}  // namespace tidegate::cli
