// SPDX-License-Identifier: Apache-2.0
// Events as the Elastic Common Schema has them (ECS 8.11), one JSON object each.
#pragma once

#include <string>
#include <string_view>

#include "agent/telemetry/events.hpp"

namespace tidegate::exports {

// Who saw it.
struct Observer {
  std::string hostname;
  std::string version;  // of tidegate
};

// One line without line feed: valid UTF-8 without control characters, whatever the event holds. What ECS has no field
// for is below `tidegate`. `interface`: the name of event.ifindex; empty: not known. docs/events.md has all fields.
std::string to_ecs(const telemetry::Event& event, const Observer& observer, std::string_view interface = {});

}  // namespace tidegate::exports
