// SPDX-License-Identifier: Apache-2.0
#include "cli/top/history.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace tidegate::cli {
namespace {

constexpr std::array<std::string_view, 9> kHeights{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 9> kWidths{" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};

std::size_t eighths(double value, double highest) {
  if (!(value > 0) || !(highest > 0)) return 0;
  return std::clamp<std::size_t>(static_cast<std::size_t>(std::ceil(8 * value / highest)), 1, 8);
}

}  // namespace

std::string sparkline(const History& history, std::size_t width) {
  const auto& values = history.values();
  const std::size_t shown = std::min(width, values.size());
  const auto first = values.end() - static_cast<std::ptrdiff_t>(shown);
  const double highest = shown == 0 ? 0 : *std::max_element(first, values.end());
  std::string line(width - shown, ' ');
  for (auto value = first; value != values.end(); ++value) line += kHeights[eighths(*value, highest)];
  return line;
}

std::string bar(double part, double whole, std::size_t width) {
  const double share = part > 0 && whole > 0 ? std::min(1.0, part / whole) : 0;
  auto left = static_cast<std::size_t>(std::ceil(share * static_cast<double>(width) * 8));
  std::string line;
  for (std::size_t cell = 0; cell < width; ++cell) {
    const std::size_t here = std::min<std::size_t>(left, 8);
    line += kWidths[here];
    left -= here;
  }
  return line;
}

}  // namespace tidegate::cli
