// SPDX-License-Identifier: Apache-2.0
// What nearly every text is, told eight bytes at a time.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace tidegate::cli {
namespace plain_detail {

inline constexpr std::uint64_t kOnes = 0x0101010101010101;
inline constexpr std::uint64_t kHighs = 0x8080808080808080;

// Whether a byte of `word` is below `limit` (1 to 128): a borrow reaches its highest bit.
constexpr bool any_below(std::uint64_t word, std::uint64_t limit) {
  return ((word - kOnes * limit) & ~word & kHighs) != 0;
}
constexpr bool any_is(std::uint64_t word, std::uint64_t byte) { return any_below(word ^ (kOnes * byte), 1); }

// Whether `holds` is true of all words of a text; the last is filled up with letters.
template <typename Holds>
bool all_words(std::string_view text, const Holds& holds) {
  std::uint64_t word = 0;
  for (; text.size() >= sizeof word; text.remove_prefix(sizeof word)) {
    std::memcpy(&word, text.data(), sizeof word);
    if (!holds(word)) return false;
  }
  word = kOnes * 'a';
  if (!text.empty()) std::memcpy(&word, text.data(), text.size());
  return holds(word);
}

}  // namespace plain_detail

// No byte has its highest bit set.
inline bool is_ascii(std::string_view text) {
  return plain_detail::all_words(text, [](std::uint64_t word) { return (word & plain_detail::kHighs) == 0; });
}

// ASCII that is printed, and means itself within the quotes of a JSON string (RFC 8259, 7).
inline bool is_plain_json(std::string_view text) {
  using namespace plain_detail;
  return all_words(text, [](std::uint64_t word) {
    return (word & kHighs) == 0 && !any_below(word, 0x20) && !any_is(word, '"') && !any_is(word, '\\') &&
           !any_is(word, 0x7f);
  });
}

}  // namespace tidegate::cli
