// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>

#include "cli/format/style.hpp"
#include "tidegate/v1/status.pb.h"

namespace tidegate::cli {

// The inspector's part of `tidegate status`: a line of what it sees, one of what it misses, one for each way keys come.
void print_inspector(std::ostream& out, const Style& style, const ::tidegate::v1::InspectorStatus& inspector);

}  // namespace tidegate::cli
