// SPDX-License-Identifier: Apache-2.0
#include "cli/format/escape.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

namespace tidegate::cli {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

constexpr std::array<std::uint32_t, 5> kSmallestOfLength{0, 0, 0x80, 0x800, 0x10000};

std::size_t length_of(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  if (lead >= 0xf0 && lead < 0xf5) return 4;
  return 0;
}

// The first code point of a text that is not empty (RFC 3629: no overlong forms, no surrogates).
CodePoint decode(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = length_of(lead);
  if (length == 0 || length > text.size()) return {lead, 1, false};
  std::uint32_t value = length == 1 ? lead : lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0U) != 0x80U) return {lead, 1, false};
    value = value << 6 | (next & 0x3fU);
  }
  const bool surrogate = value >= 0xd800 && value < 0xe000;
  if (surrogate || value < kSmallestOfLength[length] || value > 0x10ffff) return {lead, 1, false};
  return {value, length, true};
}

bool is_harmful(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

// Most text is; it is copied without being decoded.
bool is_printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string spelled(const char* format, std::uint32_t value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

std::string escaped(const CodePoint& point) {
  if (!point.valid) return spelled("\\x%02x", point.value);
  if (point.value == '\n') return "\\n";
  if (point.value == '\r') return "\\r";
  if (point.value == '\t') return "\\t";
  return point.value < 0x100 ? spelled("\\x%02x", point.value) : spelled("\\u{%x}", point.value);
}

bool is_combining(std::uint32_t c) {
  return (c >= 0x300 && c < 0x370) || (c >= 0x200b && c <= 0x200d) || (c >= 0xfe00 && c <= 0xfe0f);
}

bool is_wide(std::uint32_t c) {
  return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
         (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
}

std::size_t columns_of(const CodePoint& point) {
  if (is_combining(point.value)) return 0;
  return is_wide(point.value) ? 2 : 1;
}

}  // namespace

std::string escape_text(std::string_view text) {
  if (is_printable_ascii(text)) return std::string(text);
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = decode(text);
    if (!point.valid || is_harmful(point.value)) {
      result += escaped(point);
    } else {
      result += text.substr(0, point.bytes);
    }
    text.remove_prefix(point.bytes);
  }
  return result;
}

std::string escape_json(std::string_view json) {
  if (is_printable_ascii(json)) return std::string(json);
  std::string result;
  result.reserve(json.size());
  while (!json.empty()) {
    const CodePoint point = decode(json);
    const bool layout = point.value == '\n';  // between tokens; inside strings it is escaped already
    if (point.valid && is_harmful(point.value) && !layout) {
      result += spelled("\\u%04x", point.value);
    } else {
      result += json.substr(0, point.bytes);
    }
    json.remove_prefix(point.bytes);
  }
  return result;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = decode(text);
    if (!point.valid) return false;
    text.remove_prefix(point.bytes);
  }
  return true;
}

std::size_t display_width(std::string_view text) {
  if (is_printable_ascii(text)) return text.size();
  std::size_t width = 0;
  while (!text.empty()) {
    const CodePoint point = decode(text);
    width += columns_of(point);
    text.remove_prefix(point.bytes);
  }
  return width;
}

std::string shorten(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return "";
  std::string result;
  std::size_t used = 0;
  while (!text.empty()) {
    const CodePoint point = decode(text);
    if (used + columns_of(point) > width - 1) break;
    used += columns_of(point);
    result += text.substr(0, point.bytes);
    text.remove_prefix(point.bytes);
  }
  return result + "…";
}

}  // namespace tidegate::cli
