// SPDX-License-Identifier: Apache-2.0
#include "agent/base/units.hpp"

#include <array>
#include <charconv>

namespace tidegate {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 4> kDurations{{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}}};
constexpr std::array<Unit, 3> kPeriods{{{"s", 1}, {"m", 60}, {"h", 3600}}};
// Sizes in bits, so that kbit is a whole number too. Largest first, for formatting.
constexpr std::array<Unit, 7> kSizes{{{"GB", 8'000'000'000},
                                      {"MB", 8'000'000},
                                      {"kB", 8'000},
                                      {"B", 8},
                                      {"Gbit", 1'000'000'000},
                                      {"Mbit", 1'000'000},
                                      {"kbit", 1'000}}};
constexpr std::uint64_t kMostDays = 3650;

template <std::size_t N>
const Unit* find(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

std::unexpected<Error> bad(std::string_view text, std::string_view expected) {
  return fail(ErrorCode::kInvalidArgument, "'" + std::string(text.substr(0, 64)) + "' is not " + std::string(expected));
}

struct Quantity {
  std::uint64_t number;
  std::string_view unit;
};

// A whole number (no sign, no fraction) and the rest.
Result<Quantity> split(std::string_view text, std::string_view expected) {
  Quantity quantity{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), quantity.number);
  if (error != std::errc{}) return bad(text, expected);
  quantity.unit = text.substr(static_cast<std::size_t>(end - text.data()));
  return quantity;
}

Result<std::uint64_t> scale(std::string_view text, std::uint64_t number, std::uint64_t factor,
                            std::string_view expected) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(number, factor, &product)) return bad(text, expected);
  return product;
}

struct Split {
  std::string_view amount;
  std::chrono::seconds per;
};

Result<Split> split_rate(std::string_view text, std::string_view expected) {
  const auto slash = text.rfind('/');
  if (slash == text.npos) return bad(text, expected);
  const Unit* period = find(kPeriods, text.substr(slash + 1));
  if (period == nullptr) return bad(text, expected);
  return Split{text.substr(0, slash), std::chrono::seconds(period->factor)};
}

std::string period_of(const Rate& rate) {
  for (const Unit& period : kPeriods) {
    if (std::chrono::seconds(period.factor) == rate.per) return "/" + std::string(period.name);
  }
  return "/" + std::to_string(rate.per.count()) + "s";
}

Result<std::uint64_t> size_in_bytes(std::string_view text, std::string_view whole, std::string_view expected) {
  TIDEGATE_ASSIGN(const Quantity quantity, split(text, expected));
  const Unit* unit = find(kSizes, quantity.unit);
  if (unit == nullptr) return bad(whole, expected);
  TIDEGATE_ASSIGN(const std::uint64_t bits, scale(whole, quantity.number, unit->factor, expected));
  if (bits < 8) return bad(whole, expected);
  return bits / 8;
}

}  // namespace

Result<std::chrono::seconds> parse_duration(std::string_view text) {
  constexpr std::string_view expected = "a duration such as 30s, 5m, 1h or 7d (at most 3650d)";
  TIDEGATE_ASSIGN(const Quantity quantity, split(text, expected));
  const Unit* unit = find(kDurations, quantity.unit);
  if (unit == nullptr || quantity.number == 0) return bad(text, expected);
  TIDEGATE_ASSIGN(const std::uint64_t seconds, scale(text, quantity.number, unit->factor, expected));
  if (seconds > kMostDays * 86400) return bad(text, expected);
  return std::chrono::seconds(seconds);
}

std::string format_duration(std::chrono::seconds duration) {
  const auto seconds = static_cast<std::uint64_t>(duration.count());
  for (const Unit& unit : kDurations) {
    if (seconds >= unit.factor && seconds % unit.factor == 0) {
      return std::to_string(seconds / unit.factor) + std::string(unit.name);
    }
  }
  return std::to_string(seconds) + "s";
}

Result<Rate> parse_packet_rate(std::string_view text) {
  constexpr std::string_view expected = "a rate such as 100/s, 30/m or 5/h";
  TIDEGATE_ASSIGN(const Split parts, split_rate(text, expected));
  TIDEGATE_ASSIGN(const Quantity quantity, split(parts.amount, expected));
  if (!quantity.unit.empty() || quantity.number == 0) return bad(text, expected);
  return Rate{quantity.number, parts.per};
}

std::string format_packet_rate(const Rate& rate) { return std::to_string(rate.amount) + period_of(rate); }

Result<Rate> parse_byte_rate(std::string_view text) {
  constexpr std::string_view expected = "a byte rate such as 20MB/s, 500kB/m or 8Mbit/s";
  TIDEGATE_ASSIGN(const Split parts, split_rate(text, expected));
  TIDEGATE_ASSIGN(const std::uint64_t bytes, size_in_bytes(parts.amount, text, expected));
  return Rate{bytes, parts.per};
}

std::string format_byte_rate(const Rate& rate) { return format_bytes(rate.amount) + period_of(rate); }

Result<std::uint64_t> parse_bytes(std::string_view text) {
  return size_in_bytes(text, text, "a size such as 1500B, 64kB or 40MB");
}

std::string format_bytes(std::uint64_t bytes) {
  for (const Unit& unit : kSizes) {
    const std::uint64_t size = unit.factor / 8;
    if (bytes >= size && bytes % size == 0) return std::to_string(bytes / size) + std::string(unit.name);
  }
  return std::to_string(bytes) + "B";
}

}  // namespace tidegate
