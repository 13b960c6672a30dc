// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/model/decimal.hpp"

#include <limits>

namespace tidegate::inspect {
namespace {

constexpr std::int32_t kMostExponent = 9999;
constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Appends one more digit, while there is room for it.
struct Digits {
  Decimal number;
  std::int64_t exponent = 0;
  bool any = false;

  void add(char c, bool fraction) {
    any = true;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (number.exact && number.digits <= (kMost - digit) / 10) {
      number.digits = number.digits * 10 + digit;
      exponent -= fraction ? 1 : 0;
    } else {
      number.exact = false;
      exponent += fraction ? 0 : 1;
    }
  }
};

bool take_sign(std::string_view& text, bool& negative) {
  if (text.empty() || (text.front() != '-' && text.front() != '+')) return false;
  negative = text.front() == '-';
  text.remove_prefix(1);
  return true;
}

void take_digits(std::string_view& text, Digits& into, bool fraction) {
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) into.add(text.front(), fraction);
}

// What follows an "e"; none: no number, or one beyond all measure.
std::optional<std::int32_t> exponent_of(std::string_view text) {
  bool negative = false;
  take_sign(text, negative);
  std::int32_t value = 0;
  if (text.empty()) return std::nullopt;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + (c - '0');
    if (value > kMostExponent) return std::nullopt;
  }
  return negative ? -value : value;
}

int digits_in(std::uint64_t value) {
  int count = 0;
  for (; value != 0; value /= 10) ++count;
  return count;
}

// value * 10^by; none: more than 64 bits.
std::optional<std::uint64_t> scaled(std::uint64_t value, std::int64_t by) {
  for (; by > 0 && value != 0; --by) {
    if (value > kMost / 10) return std::nullopt;
    value *= 10;
  }
  return value;
}

int compare_magnitudes(const Decimal& a, const Decimal& b) {
  const std::int64_t first = digits_in(a.digits) + std::int64_t{a.exponent};
  const std::int64_t second = digits_in(b.digits) + std::int64_t{b.exponent};
  if (first != second) return first < second ? -1 : 1;
  const std::int64_t least = std::min(a.exponent, b.exponent);
  // Their digits begin at the same place: what does not fit is the larger one.
  const auto left = scaled(a.digits, a.exponent - least);
  const auto right = scaled(b.digits, b.exponent - least);
  if (!left || !right) return left ? -1 : 1;
  return *left < *right ? -1 : static_cast<int>(*left > *right);
}

}  // namespace

std::optional<Decimal> parse_decimal(std::string_view text) {
  Digits digits;
  bool negative = false;
  take_sign(text, negative);
  take_digits(text, digits, false);
  bool plain = true;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (!digits.any || text.empty() || !is_digit(text.front())) return std::nullopt;
    take_digits(text, digits, true);
    plain = false;
  }
  if (!digits.any) return std::nullopt;
  if (!text.empty()) {
    if (text.front() != 'e' && text.front() != 'E') return std::nullopt;
    const auto exponent = exponent_of(text.substr(1));
    if (!exponent) return std::nullopt;
    digits.exponent += *exponent;
    plain = false;
  }
  Decimal number = digits.number;
  if (number.digits == 0 && number.exact) return Decimal{.whole = true};
  for (; number.exact && number.digits % 10 == 0; number.digits /= 10) ++digits.exponent;
  number.negative = negative;
  number.exponent = static_cast<std::int32_t>(digits.exponent);
  number.whole = plain || (number.exact && number.exponent >= 0);
  return number;
}

std::optional<int> compare(const Decimal& a, const Decimal& b) {
  const bool zero_a = a.digits == 0;
  const bool zero_b = b.digits == 0;
  if (zero_a && zero_b) return 0;
  if (zero_a) return b.negative ? 1 : -1;
  if (zero_b) return a.negative ? -1 : 1;
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  const bool same_length = digits_in(a.digits) + a.exponent == digits_in(b.digits) + b.exponent;
  if (same_length && (!a.exact || !b.exact)) return std::nullopt;
  const int order = compare_magnitudes(a, b);
  return a.negative ? -order : order;
}

std::optional<bool> is_multiple(const Decimal& value, const Decimal& of) {
  if (of.digits == 0 || !value.exact || !of.exact) return std::nullopt;
  if (value.digits == 0) return true;
  const std::int64_t least = std::min(value.exponent, of.exponent);
  const auto left = scaled(value.digits, value.exponent - least);
  const auto right = scaled(of.digits, of.exponent - least);
  if (!left || !right) return std::nullopt;
  return *left % *right == 0;
}

}  // namespace tidegate::inspect
