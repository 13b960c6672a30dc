// SPDX-License-Identifier: Apache-2.0
// `top --by rule`: what behaviour rules count and decide, instead of packets by source.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "cli/format/style.hpp"
#include "cli/top/render.hpp"

namespace tidegate::cli {

// "shadow 3, nat_guard 1"; "-" of nothing.
template <typename Counts>
std::string held_back_text(const Counts& counts) {
  std::string text;
  for (const auto& count : counts)
    text += (text.empty() ? "" : ", ") + count.name() + " " + std::to_string(count.count());
  return text.empty() ? "-" : text;
}

// The header of the list and a line for each row, at most `width` columns wide.
std::vector<Line> rule_lines(const ::tidegate::v1::TopResponse& response, std::size_t width);

// The table of --once.
void print_top_rules(std::ostream& out, const Style& style, const ::tidegate::v1::TopResponse& response);

}  // namespace tidegate::cli
