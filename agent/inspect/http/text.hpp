// SPDX-License-Identifier: Apache-2.0
// ASCII text as HTTP has it. No locale.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "agent/inspect/model/flow.hpp"

namespace tidegate::inspect::http {

inline std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
constexpr bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
constexpr bool is_hex(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); }
constexpr bool is_space(char c) { return c == ' ' || c == '\t'; }
constexpr unsigned hex_value(char c) {
  return is_digit(c) ? static_cast<unsigned>(c - '0') : static_cast<unsigned>(lower(c) - 'a' + 10);
}

// RFC 9110, 5.6.2: tchar.
constexpr bool is_token_char(char c) {
  return is_digit(c) || is_letter(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
inline constexpr auto kTokenChars = [] {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c) table[c] = is_token_char(static_cast<char>(c));
  return table;
}();

// `lowercase` must be so.
constexpr bool equals_any_case(std::string_view text, std::string_view lowercase) {
  if (text.size() != lowercase.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != lowercase[i]) return false;
  }
  return true;
}

// Without spaces, tabs and line ends around it.
constexpr std::string_view trimmed(std::string_view text) {
  constexpr auto blank = [](char c) { return is_space(c) || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Takes the part up to `separator`, or all, off the front.
constexpr std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

// Takes the part behind the last `separator`, or all, off the back.
constexpr std::string_view take_from_back(std::string_view& text, char separator) {
  const std::size_t at = text.rfind(separator);
  const std::string_view part = at == std::string_view::npos ? text : text.substr(at + 1);
  text = at == std::string_view::npos ? std::string_view() : text.substr(0, at);
  return part;
}

// At most `bound` bytes without control characters. True: nothing was cut off.
inline bool assign_printable(std::string& to, std::string_view from, std::size_t bound) {
  const bool fits = from.size() <= bound;
  from = from.substr(0, bound);
  to.assign(from);
  std::erase_if(to, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  return fits;
}

}  // namespace tidegate::inspect::http
