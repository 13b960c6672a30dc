// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tidegate::inspect::http {

// The longest name or value, as encoded, that the decoder takes (NGHTTP2_HD_MAX_NV).
inline constexpr std::size_t kLongestString = 1 << 16;

// Cuts strings of a header block (RFC 7541, 5.2 and 6) that are longer than the decoder takes, because servers take
// them: what is left of one is kLongestString bytes, not Huffman-coded, whatever the bytes mean. Such a field fits into
// no table of 64 KiB: the table is empty afterwards (RFC 7541, 4.4), as with the whole string. (A Huffman-coded one
// stands for 17,000 bytes at least, which a table that was made larger than that may hold; nothing codes like that.)
class StringCutter {
 public:
  // A header block begins. `may_cut`: it may be long enough for it; else it is passed on as it is.
  void begin(bool may_cut) {
    cuts_ = may_cut;
    state_ = State::kStart;
    held_size_ = 0;
    name_ = false;
  }

  // Takes some bytes off the front of `part`, which is not empty; returns what is to be decoded of them: nothing, or
  // what is valid until the next call.
  std::string_view next(std::string_view& part);

 private:
  enum class State : std::uint8_t {
    kStart,   // of a representation
    kIndex,   // the rest of its first number
    kLength,  // of a string
    kString,
  };

  void step(std::uint8_t byte);
  void after_index() { state_ = literal_ ? State::kLength : State::kStart; }
  std::string_view take_length(std::string_view& part);
  std::string_view take_string(std::string_view& part);
  void string_ends();

  std::array<char, 6> held_{};  // of a length, until it is whole
  std::uint8_t held_size_ = 0;
  State state_ = State::kStart;
  bool cuts_ = false;
  bool literal_ = false;
  bool name_ = false;       // the next string is a name
  std::uint64_t left_ = 0;  // of the string
  std::uint64_t kept_ = 0;  // of it, to be decoded
};

}  // namespace tidegate::inspect::http
