// SPDX-License-Identifier: Apache-2.0
#include "cli/format/quantity.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace tidegate::cli {
namespace {

struct Scaled {
  double number;
  std::string_view prefix;
};

constexpr std::array<std::string_view, 7> kPrefixes{"", "k", "M", "G", "T", "P", "E"};

// 999.95k would print as "1000.0k": it is promoted first.
Scaled scale(double number) {
  std::size_t step = 0;
  while (number >= (step == 0 ? 999.5 : 999.95) && step + 1 < kPrefixes.size()) {
    number /= 1000;
    ++step;
  }
  return {number, kPrefixes[step]};
}

std::string printed(double number, int decimals) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, number);
  return text.data();
}

std::string digits(const Scaled& scaled) { return printed(scaled.number, scaled.prefix.empty() ? 0 : 1); }

std::string with_unit(double number, std::string_view unit) {
  const Scaled scaled = scale(number);
  return digits(scaled) + " " + std::string(scaled.prefix) + std::string(unit);
}

}  // namespace

std::string short_count(double count) {
  if (!std::isfinite(count) || count < 0) return "-";
  if (count > 0 && count < 10 && count != std::floor(count)) return printed(count, 1);
  const Scaled scaled = scale(count);
  return digits(scaled) + std::string(scaled.prefix);
}

std::string short_bits(double bits_per_second) {
  if (!std::isfinite(bits_per_second) || bits_per_second < 0) return "-";
  return with_unit(bits_per_second, "bit/s");
}

std::string short_bytes(std::uint64_t bytes) { return with_unit(static_cast<double>(bytes), "B"); }

std::string short_age(std::chrono::seconds age) {
  struct Unit {
    std::string_view name;
    long seconds;
  };
  constexpr std::array<Unit, 4> units{{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}};
  const long total = std::max(0L, static_cast<long>(age.count()));
  for (std::size_t i = 0; i + 1 < units.size(); ++i) {
    if (total < units[i].seconds) continue;
    std::string text = std::to_string(total / units[i].seconds) + std::string(units[i].name);
    const long rest = total % units[i].seconds / units[i + 1].seconds;
    if (rest > 0) text += " " + std::to_string(rest) + std::string(units[i + 1].name);
    return text;
  }
  return std::to_string(total) + "s";
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  const double share = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  return printed(share, share > 0 && share < 10 ? 1 : 0) + " %";
}

}  // namespace tidegate::cli
