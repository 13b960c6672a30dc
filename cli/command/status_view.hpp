// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>

#include "agent/base/clock.hpp"
#include "cli/format/style.hpp"
#include "tidegate/v1/status.pb.h"

namespace tidegate::cli {

// What an operator under attack looks at: warnings first.
void print_status(std::ostream& out, const Style& style, const ::tidegate::v1::GetStatusResponse& status,
                  const ::tidegate::v1::TopResponse& sources, const Clock& clock);

// "tidegate 0.1.0 · enforcing · generation 3 · up 2h 14m", without colours.
std::string headline(const ::tidegate::v1::GetStatusResponse& status, const Clock& clock);

}  // namespace tidegate::cli
