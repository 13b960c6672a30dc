// SPDX-License-Identifier: Apache-2.0
// Between the values of the agent and the messages of proto/tidegate/v1.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/control/controllers.hpp"
#include "tidegate/v1/decisions.pb.h"
#include "tidegate/v1/policy.pb.h"
#include "tidegate/v1/status.pb.h"

namespace tidegate::api {

void set_time(google::protobuf::Timestamp* to, WallTime time);
void set_duration(google::protobuf::Duration* to, std::chrono::nanoseconds duration);
// kInvalidArgument unless more than 0 and at most 3650 days.
Result<std::chrono::nanoseconds> to_duration(const google::protobuf::Duration& duration);
template <typename Repeated>
std::vector<std::string> to_strings(const Repeated& texts) {
  return {texts.begin(), texts.end()};
}

void fill(v1::Decision& to, const decisions::Decision& from);
void fill(v1::Decision& to, const control::BlockedIdentity& from);
void fill(v1::SafelistEntry& to, const control::ListedEntry& from);
void fill(v1::PolicyIssue& to, const policy::Issue& from);
void fill(v1::PolicyChange& to, const policy::Change& from);
void fill(v1::PolicyGeneration& to, const history::Generation& from);
void fill(v1::ApplyPolicyResponse& to, const control::ApplyReport& from);
void fill(v1::InterfaceStatus& to, const control::InterfaceReport& from);
void fill(v1::CounterRow& to, const telemetry::CounterRow& from);
void fill(v1::GetStatusResponse& to, const control::StatusReport& from);
void fill(v1::InspectorStatus& to, const inspection::Report& from);
void fill(v1::TopRow& to, const inspection::EndpointRow& from);
void fill(v1::RuleFigures& to, const control::RuleFigures& from);
void fill(v1::RulesStatus& to, const control::RuleReport& from);
void fill(v1::DecisionEvent& to, const telemetry::DecisionDetail& from);
void fill(v1::ExportStatus& to, const exports::Report& from);
void fill(v1::WhyResponse& to, const control::WhyReport& from);

// "100/s" and "1MB/s"; an empty text is no limit of that unit.
Result<decisions::LimitRates> to_rates(const v1::LimitRates& rates);

}  // namespace tidegate::api
