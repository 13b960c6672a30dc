// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/base/error.hpp"
#include "agent/config/settings.hpp"
#include "agent/telemetry/events.hpp"

namespace tidegate {

// Sets the default logger of spdlog. Errors name the file and the remedy.
Status start_logging(const config::LogSettings& settings);

// Writes the acts of the agent (never packets) that have happened since the last call.
void log_acts(telemetry::Follower& acts);

}  // namespace tidegate
