// SPDX-License-Identifier: Apache-2.0
// Events of an agent in the Elastic Common Schema, as the agent itself exports them.
#pragma once

#include <string>

#include "tidegate/v1/status.pb.h"

namespace tidegate::cli {

// `version` of the agent; `hostname` may be empty. One line without line feed.
std::string ecs_of(const ::tidegate::v1::Event& event, const std::string& hostname, const std::string& version);

}  // namespace tidegate::cli
