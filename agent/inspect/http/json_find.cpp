// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/json_find.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect::http {
namespace {

constexpr std::size_t kDeepest = 64;

// Walks over JSON text. Every take… returns false, or an empty optional, on what is not JSON.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  char peek() {
    while (!rest_.empty() && std::string_view(" \t\r\n").find(rest_.front()) != std::string_view::npos) {
      rest_.remove_prefix(1);
    }
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool take(char expected) {
    if (peek() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // What is between the quotes, escapes included.
  std::optional<std::string_view> take_string() {
    if (!take('"')) return std::nullopt;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '"') {
        const std::string_view inside = rest_.substr(0, i);
        rest_.remove_prefix(i + 1);
        return inside;
      } else if (static_cast<unsigned char>(rest_[i]) < 0x20) {
        return std::nullopt;
      }
    }
    return std::nullopt;
  }
  // A number, true, false or null: up to what cannot belong to it. At the end of the text it may be cut: none.
  std::optional<std::string_view> take_word() {
    const auto belongs = [](char c) { return is_digit(c) || is_letter(c) || c == '-' || c == '+' || c == '.'; };
    const auto end = std::ranges::find_if_not(rest_, belongs);
    const auto size = static_cast<std::size_t>(end - rest_.begin());
    if (size == 0 || size == rest_.size()) return std::nullopt;
    const std::string_view word = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return word;
  }
  bool skip_value();

 private:
  bool skip_scalar() { return peek() == '"' ? take_string().has_value() : take_word().has_value(); }

  std::string_view rest_;
};

// The open objects and arrays, as bits; no recursion on what a peer sends.
class Nesting {
 public:
  bool open(bool object) {
    if (depth_ == kDeepest) return false;
    bits_ = bits_ << 1 | static_cast<std::uint64_t>(object);
    ++depth_;
    return true;
  }
  void close() {
    bits_ >>= 1;
    --depth_;
  }
  bool in_object() const { return (bits_ & 1) != 0; }
  bool empty() const { return depth_ == 0; }

 private:
  std::uint64_t bits_ = 0;
  std::size_t depth_ = 0;
};

bool Cursor::skip_value() {
  Nesting open;
  do {
    const char first = peek();
    const bool opens = first == '{' || first == '[';
    if (opens) {
      if (!take(first) || !open.open(first == '{')) return false;
      if (peek() != (first == '{' ? '}' : ']')) {
        if (first == '{' && (!take_string() || !take(':'))) return false;
        continue;
      }
    } else if (!skip_scalar()) {
      return false;
    }
    // After a value, or before the end of something empty: close what ends here.
    while (!open.empty() && take(open.in_object() ? '}' : ']')) open.close();
    if (open.empty()) return true;
    if (!take(',')) return false;
    if (open.in_object() && (!take_string() || !take(':'))) return false;
  } while (true);
}

bool append_utf8(KeptBytes& to, std::uint32_t code) {
  std::array<char, 4> bytes{};
  std::size_t size = 0;
  const auto put = [&](std::uint32_t byte) { bytes[size++] = static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xc0 | code >> 6);
    put(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  } else {
    put(0xf0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3f));
    put(0x80 | (code >> 6 & 0x3f));
    put(0x80 | (code & 0x3f));
  }
  return to.append({bytes.data(), size});
}

std::optional<std::uint32_t> take_hex4(std::string_view& text) {
  if (text.size() < 4 || !std::ranges::all_of(text.substr(0, 4), is_hex)) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text.substr(0, 4)) value = value << 4 | hex_value(c);
  text.remove_prefix(4);
  return value;
}

// What follows "\u", a second half included (RFC 8259, 7). A half alone is no character.
std::optional<std::uint32_t> take_unicode(std::string_view& text) {
  const auto first = take_hex4(text);
  if (!first || *first < 0xd800 || *first > 0xdfff) return first;
  if (*first > 0xdbff || !text.starts_with("\\u")) return std::nullopt;
  text.remove_prefix(2);
  const auto second = take_hex4(text);
  if (!second || *second < 0xdc00 || *second > 0xdfff) return std::nullopt;
  return 0x10000 + ((*first - 0xd800) << 10) + (*second - 0xdc00);
}

bool append_escape(KeptBytes& to, std::string_view& text) {
  if (text.empty()) return false;
  const char c = text.front();
  text.remove_prefix(1);
  if (c == 'u') {
    const auto code = take_unicode(text);
    return code && append_utf8(to, *code);
  }
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const std::size_t at = kNames.find(c);
  return at != std::string_view::npos && to.append(kMeanings.substr(at, 1));
}

std::optional<std::string_view> unescape(std::string_view text, KeptBytes& room) {
  if (text.find('\\') == std::string_view::npos) return text;
  room.release();
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find('\\'), text.size());
    if (!room.append(text.substr(0, plain))) return std::nullopt;
    text.remove_prefix(plain);
    if (text.empty()) break;
    text.remove_prefix(1);
    if (!append_escape(room, text)) return std::nullopt;
  }
  return room.text();
}

// One part of a pointer: "~1" is "/", "~0" is "~".
std::string decoded_part(std::string_view part) {
  std::string name;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const bool escape = part[i] == '~' && i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1');
    name.push_back(!escape ? part[i] : part[++i] == '0' ? '~' : '/');
  }
  return name;
}

// Stands before the value of that member afterwards: of the last one of that name, as servers take it, as far as the
// text goes and is JSON.
bool enter_member(Cursor& cursor, const std::string& name, KeptBytes& room) {
  if (!cursor.take('{')) return false;
  std::optional<Cursor> found;
  do {
    const auto raw = cursor.take_string();
    if (!raw || !cursor.take(':')) break;
    if (unescape(*raw, room) == name) found = cursor;
  } while (cursor.skip_value() && cursor.take(','));
  if (found) cursor = *found;
  return found.has_value();
}

bool enter_element(Cursor& cursor, std::string_view part) {
  if (!cursor.take('[') || part.empty() || part.size() > 6 || !std::ranges::all_of(part, is_digit)) return false;
  std::uint32_t index = 0;
  for (const char c : part) index = index * 10 + static_cast<std::uint32_t>(c - '0');
  if (part.size() > 1 && part.front() == '0') return false;
  for (; index > 0; --index) {
    if (!cursor.skip_value() || !cursor.take(',')) return false;
  }
  return cursor.peek() != ']';
}

}  // namespace

std::optional<std::string_view> find_in_json(std::string_view text, std::string_view pointer, KeptBytes& room) {
  Cursor cursor(text);
  if (!pointer.empty() && pointer.front() != '/') return std::nullopt;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const std::string_view part = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(part.size());
    const bool there =
        cursor.peek() == '[' ? enter_element(cursor, part) : enter_member(cursor, decoded_part(part), room);
    if (!there) return std::nullopt;
  }
  if (cursor.peek() == '"') {
    const auto raw = cursor.take_string();
    return raw ? unescape(*raw, room) : std::nullopt;
  }
  const auto word = cursor.take_word();
  return word != "null" ? word : std::nullopt;
}

}  // namespace tidegate::inspect::http
