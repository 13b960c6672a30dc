// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/path_template.hpp"

#include <algorithm>
#include <array>

#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect::http {
namespace {

constexpr std::size_t kLongestWord = 64;
constexpr std::size_t kLongestExtension = 5;
constexpr std::size_t kManyDigits = 5;
constexpr std::size_t kLongRun = 20;
constexpr std::size_t kMixedRun = 8;
constexpr std::size_t kMixedChanges = 4;
constexpr std::size_t kHash = 16;

// What a character may be part of, one bit each.
enum Class : unsigned {
  kDigit = 1,
  kLetter = 2,
  kHex = 4,
  kNumber = 8,  // digits and what stands between numbers
  kAt = 16,
  kMark = 32,  // begins an escape, a parameter or an extension
};

constexpr auto kClasses = [] {
  std::array<std::uint8_t, 256> classes{};
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const char c = static_cast<char>(i);
    const auto one_of = [c](std::string_view set) { return set.find(c) != std::string_view::npos; };
    classes[i] = static_cast<std::uint8_t>((is_digit(c) ? kDigit | kNumber : 0U) | (is_letter(c) ? kLetter : 0U) |
                                           (is_hex(c) ? kHex : 0U) | (one_of("+-.,:_") ? kNumber : 0U) |
                                           (c == '@' ? kAt : 0U) | (one_of("%;.") ? kMark : 0U));
  }
  return classes;
}();

unsigned class_of(char c) { return kClasses[static_cast<unsigned char>(c)]; }

// The classes that any and that all characters of a segment have.
struct Shape {
  unsigned any = 0;
  unsigned all = ~0U;
};

Shape shape_of(std::string_view segment) {
  Shape shape;
  for (const char c : segment) {
    shape.any |= class_of(c);
    shape.all &= class_of(c);
  }
  return shape;
}

// A row of letters and digits.
struct Run {
  std::size_t length = 0;
  std::size_t changes = 0;
  std::size_t digits_in_row = 0;
  bool digit = false;
  bool letter = false;

  bool add(char c) {
    const bool is_number = (class_of(c) & kDigit) != 0;
    if (length > 0 && is_number != (digits_in_row > 0)) ++changes;
    ++length;
    digits_in_row = is_number ? digits_in_row + 1 : 0;
    (is_number ? digit : letter) = true;
    return digits_in_row >= kManyDigits || (digit && letter && length >= kLongRun) ||
           (length >= kMixedRun && changes >= kMixedChanges);
  }
};

// Rules 4 and 5, which need a digit.
bool has_machine_run(std::string_view segment) {
  Run run;
  for (const char c : segment) {
    if ((class_of(c) & (kDigit | kLetter)) == 0) {
      run = {};
    } else if (run.add(c)) {
      return true;
    }
  }
  return false;
}

// "1", "2.0", "10.4.12" are; but a bare number is an id, so at least one dot.
bool is_version(std::string_view text) {
  std::size_t groups = 0;
  while (!text.empty()) {
    const std::string_view group = take_until(text, '.');
    if (group.empty() || group.size() > 2 || !std::ranges::all_of(group, is_digit)) return false;
    ++groups;
  }
  return groups == 2 || groups == 3;
}

// 'd' stands for a digit, 'x' for a hexadecimal one.
bool begins_like(std::string_view text, std::string_view pattern) {
  if (text.size() < pattern.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool fits = pattern[i] == 'd'   ? is_digit(text[i])
                      : pattern[i] == 'x' ? is_hex(text[i])
                                          : text[i] == pattern[i];
    if (!fits) return false;
  }
  return true;
}

bool is_uuid(std::string_view text) {
  if (text.size() == 38 && text.front() == '{' && text.back() == '}') text = text.substr(1, 36);
  return text.size() == 36 && begins_like(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
}

// Decodes what stands for an unreserved character (RFC 3986, 2.3). Returns a view of `text` when nothing does.
std::string_view unescaped(std::string_view text, std::string& room) {
  if (text.find('%') == std::string_view::npos) return text;
  room.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2])) {
      const char decoded = static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
      const bool plain = is_letter(decoded) || is_digit(decoded) ||
                         (decoded != 0 && std::string_view("-._~@").find(decoded) != std::string_view::npos);
      if (plain) {
        c = decoded;
        i += 2;
      }
    }
    room.push_back(c);
  }
  return room;
}

// ".json" of "837462.json"; empty: none.
std::string_view extension_of(std::string_view segment) {
  const std::size_t dot = segment.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return {};
  const std::string_view ending = segment.substr(dot + 1);
  const auto plain = [](char c) { return is_letter(c) || is_digit(c); };
  const bool fits = !ending.empty() && ending.size() <= kLongestExtension && std::ranges::all_of(ending, plain) &&
                    std::ranges::any_of(ending, is_letter);
  return fits ? segment.substr(dot) : std::string_view();
}

bool is_identifier_of(Shape shape, std::string_view segment) {
  if (segment.size() > kLongestWord || (shape.any & kAt) != 0) return true;
  const bool hash = (shape.all & kHex) != 0 && segment.size() >= kHash;
  if ((shape.any & kDigit) == 0) return hash;
  if ((shape.all & kNumber) != 0) return !is_version(segment);
  return hash || has_machine_run(segment) || is_uuid(segment) || begins_like(segment, "dddd-dd-dd") ||
         begins_like(segment, "ddddddddT");
}

void append_marked_segment(std::string_view segment, std::string& to, std::string& room) {
  segment = unescaped(segment.substr(0, segment.find(';')), room);
  const bool mail = segment.find('@') != std::string_view::npos;
  const std::string_view extension = mail ? std::string_view() : extension_of(segment);
  if (is_identifier(segment.substr(0, segment.size() - extension.size()))) {
    to.append("{}").append(extension);
  } else {
    to.append(!extension.empty() && is_identifier(segment) ? std::string_view("{}") : segment);
  }
}

void append_segment(std::string_view segment, std::string& to, std::string& room) {
  const Shape shape = shape_of(segment);
  if ((shape.any & kMark) != 0) return append_marked_segment(segment, to, room);
  to.append(is_identifier_of(shape, segment) ? std::string_view("{}") : segment);
}

}  // namespace

bool is_identifier(std::string_view segment) { return is_identifier_of(shape_of(segment), segment); }

void make_path_template(std::string_view path, std::string& to) {
  to.clear();
  std::string room;
  while (true) {
    const std::size_t slash = path.find('/');
    if (const std::string_view segment = path.substr(0, slash); !segment.empty()) append_segment(segment, to, room);
    if (slash == std::string_view::npos) return;
    to.push_back('/');
    path.remove_prefix(slash + 1);
  }
}

}  // namespace tidegate::inspect::http
