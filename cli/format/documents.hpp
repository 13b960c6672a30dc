// SPDX-License-Identifier: Apache-2.0
// Messages of the API as documents with exactly the keys of the contract (docs: interfaces, "JSON that scripts read").
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <chrono>
#include <string>

#include "agent/base/clock.hpp"
#include "cli/format/output.hpp"
#include "tidegate/v1/decisions.pb.h"
#include "tidegate/v1/policy.pb.h"
#include "tidegate/v1/status.pb.h"

namespace tidegate::cli {

WallTime to_wall_time(const google::protobuf::Timestamp& time);
google::protobuf::Duration to_duration(std::chrono::seconds duration);
std::string action_name(v1::Action action);  // "block", "limit", "monitor"

// RFC 3339, or null when there is no such time: `time_or_null(d.has_expires(), d.expires())`.
Json time_or_null(bool has, const google::protobuf::Timestamp& time);
Json text_or_null(const std::string& text);
double rounded(double value);  // to tenths; 0 for what is no number

Json document_of(const v1::Decision& decision);
Json document_of(const v1::SafelistEntry& entry);
Json document_of(const v1::PolicyIssue& issue);
Json document_of(const v1::PolicyChange& change);
Json document_of(const v1::PolicyGeneration& generation);
Json document_of(const v1::ApplyPolicyResponse& applied);
Json document_of(const v1::WhyResponse& why);
Json document_of(const v1::TopRow& row);
Json document_of(const std::string& service, const v1::EndpointFigures& endpoint);
Json document_of(const v1::InspectorStatus& inspector);
Json document_of(const v1::RuleFigures& rule);
Json document_of(const v1::RulesStatus& rules);
Json document_of(const v1::Event& event);
Json document_of(const v1::InterfaceStatus& interface);
Json document_of(const v1::GetStatusResponse& status);

template <typename Messages>
Json documents_of(const Messages& messages) {
  Json list = Json::array();
  for (const auto& message : messages) list.push_back(document_of(message));
  return list;
}

}  // namespace tidegate::cli
