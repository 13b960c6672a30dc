// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/api/server.hpp"
#include "agent/control/controllers.hpp"

namespace tidegate::api {

// Every service of proto/tidegate/v1 on behalf of `actor`. `controllers` outlives them.
Services make_services(control::Controllers& controllers, const std::string& actor);

}  // namespace tidegate::api
