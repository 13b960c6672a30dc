// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/api/text.hpp"

#include <algorithm>
#include <cstdint>

namespace tidegate::inspect::api {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The byte that an escape at the front stands for; -1: there is none.
int escaped(std::string_view text) {
  if (text.size() < 3 || text[0] != '%') return -1;
  const int high = hex_value(text[1]);
  const int low = hex_value(text[2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool all_digits(std::string_view text) { return std::ranges::all_of(text, is_digit); }

int number(std::string_view text) {
  int value = 0;
  for (const char c : text) value = value * 10 + (c - '0');
  return value;
}

int days_in(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

// "hh:mm"
bool is_hour_and_minute(std::string_view text) {
  return text.size() == 5 && text[2] == ':' && all_digits(text.substr(0, 2)) && all_digits(text.substr(3)) &&
         number(text.substr(0, 2)) < 24 && number(text.substr(3)) < 60;
}

bool is_offset(std::string_view text) {
  if (text == "Z" || text == "z") return true;
  return !text.empty() && (text[0] == '+' || text[0] == '-') && is_hour_and_minute(text.substr(1));
}

// The bytes of the character at the front; 0: none begins here. Table 3-7 of Unicode.
std::size_t character_size(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool shortest = lead != 0xE0 || at(1) >= 0xA0;
    const bool no_surrogate = lead != 0xED || at(1) < 0xA0;
    return follows(1) && follows(2) && shortest && no_surrogate ? 3 : 0;
  }
  if (lead < 0xF0 || lead > 0xF4) return 0;
  const bool fits = (lead != 0xF0 || at(1) >= 0x90) && (lead != 0xF4 || at(1) < 0x90);
  return follows(1) && follows(2) && follows(3) && fits ? 4 : 0;
}

}  // namespace

std::optional<std::string_view> decode(std::string_view text, Plus plus, std::span<char> room) {
  const bool plain = text.find('%') == text.npos && (plus == Plus::kItself || text.find('+') == text.npos);
  if (plain) return text.size() <= room.size() ? std::optional(text) : std::nullopt;
  std::size_t size = 0;
  while (!text.empty()) {
    if (size == room.size()) return std::nullopt;
    const int byte = escaped(text);
    const char c = byte >= 0 ? static_cast<char>(byte) : text.front();
    room[size++] = byte < 0 && c == '+' && plus == Plus::kSpace ? ' ' : c;
    text.remove_prefix(byte >= 0 ? 3 : 1);
  }
  return std::string_view(room.data(), size);
}

std::optional<std::size_t> count_characters(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) {
    const std::size_t size = character_size(text);
    if (size == 0) return std::nullopt;
    text.remove_prefix(size);
  }
  return count;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : hex_value(text[i]) < 0) return false;
  }
  return true;
}

bool is_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  if (!all_digits(text.substr(0, 4)) || !all_digits(text.substr(5, 2)) || !all_digits(text.substr(8))) return false;
  const int month = number(text.substr(5, 2));
  const int day = number(text.substr(8));
  return month >= 1 && month <= 12 && day >= 1 && day <= days_in(number(text.substr(0, 4)), month);
}

// A leap second is taken wherever it is written: which ones there were is not known here.
bool is_date_time(std::string_view text) {
  if (text.size() < 20 || !is_date(text.substr(0, 10)) || (text[10] != 'T' && text[10] != 't')) return false;
  if (!is_hour_and_minute(text.substr(11, 5)) || text[16] != ':' || !all_digits(text.substr(17, 2))) return false;
  if (number(text.substr(17, 2)) > 60) return false;
  text.remove_prefix(19);
  if (text.starts_with('.')) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789", 1), text.size());
    if (end == 1) return false;
    text.remove_prefix(end);
  }
  return is_offset(text);
}

}  // namespace tidegate::inspect::api
