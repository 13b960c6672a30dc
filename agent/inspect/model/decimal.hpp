// SPDX-License-Identifier: Apache-2.0
// Numbers as texts give them, compared exactly: a bound of a description must not be missed, nor broken, by rounding.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tidegate::inspect {

// `digits` times ten to the `exponent`. Without trailing zeros; zero is not negative and has exponent 0.
struct Decimal {
  std::uint64_t digits = 0;
  std::int32_t exponent = 0;
  bool negative = false;
  bool exact = true;   // false: it has more digits than are kept, these are the first
  bool whole = false;  // it is an integer for certain

  friend bool operator==(const Decimal&, const Decimal&) = default;
};

// A number of JSON (RFC 8259, 6), and what people write as well: a plus sign, zeros in front. Exponents beyond 9999 are
// no numbers here.
std::optional<Decimal> parse_decimal(std::string_view text);

// Less than, equal to or greater than 0; none: they are too close for the digits that are kept.
std::optional<int> compare(const Decimal& a, const Decimal& b);

// Whether `value` is a multiple of `of`; none: it cannot be said with 64 bits.
std::optional<bool> is_multiple(const Decimal& value, const Decimal& of);

}  // namespace tidegate::inspect
