// SPDX-License-Identifier: Apache-2.0
// Parts of an ECS document. Inside tidegate_export only.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "agent/telemetry/decision_detail.hpp"

namespace tidegate::exports {

using Json = nlohmann::ordered_json;

void put_kind(Json& root, std::string_view kind, Json category, Json type);
// Nothing for an address that is not known.
void put_endpoint(Json& root, const char* which, const Address& address, std::uint16_t port);
void put_related(Json& root, const std::vector<Address>& addresses);

void add_decision(Json& root, const telemetry::DecisionDetail& detail);

}  // namespace tidegate::exports
