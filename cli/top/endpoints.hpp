// SPDX-License-Identifier: Apache-2.0
// `top --by endpoint`: what is asked of which endpoint, instead of packets by source.
#pragma once

#include <ostream>
#include <vector>

#include "cli/format/style.hpp"
#include "cli/top/render.hpp"

namespace tidegate::cli {

// The header of the list and a line for each row, at most `width` columns wide.
std::vector<Line> endpoint_lines(const ::tidegate::v1::TopResponse& response, std::size_t width);

// The table of --once.
void print_endpoints(std::ostream& out, const Style& style, const ::tidegate::v1::TopResponse& response);

}  // namespace tidegate::cli
