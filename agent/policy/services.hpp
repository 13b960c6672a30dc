// SPDX-License-Identifier: Apache-2.0
// Which service a packet belongs to: destination classes, then protocol and port ranges.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/policy/compile.hpp"
#include "agent/policy/report.hpp"

namespace tidegate::policy {

// The services that name a destination, most specific address first; each service only at its most specific level.
// Indexes into Policy::services. Services without addresses are not listed: they come after all levels.
using Levels = std::vector<std::vector<unsigned>>;

// Destinations that the same services name alike. Class 0 is "no service names it".
struct DestinationClass {
  Levels levels;
  Prefix example;  // for messages
};

// Fills image.destinations and TG_HOST_HAS_DESTINATIONS. Nothing on an error.
std::optional<std::vector<DestinationClass>> compile_destinations(const Policy& policy, Image& image, Report& report);

// Two services that match the same packet with equal precision are errors.
void check_overlaps(const Policy& policy, const std::vector<DestinationClass>& classes, Report& report);

// Fills image.ranges. `slots` by service name. Nothing on an error.
void compile_ranges(const Policy& policy, const std::vector<DestinationClass>& classes,
                    const std::map<std::string, unsigned>& slots, Image& image, Report& report);

// What the compiled table answers: a slot, or TG_SERVICE_NONE for "the default".
unsigned lookup(const tg_service_table& table, unsigned destination_class, std::uint32_t point);

}  // namespace tidegate::policy
