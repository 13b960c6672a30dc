// SPDX-License-Identifier: Apache-2.0
// Which service owns which slot of the per-service maps.
#pragma once

#include <map>
#include <string>

#include "agent/policy/model.hpp"
#include "agent/policy/report.hpp"

namespace tidegate::policy {

// A service keeps the slot it has; a new one gets a free slot, one of a removed service only when no other is left.
// More services than slots is an error.
std::map<std::string, unsigned> assign_slots(const Policy& policy, const std::map<std::string, unsigned>& present,
                                             Report& report);

}  // namespace tidegate::policy
