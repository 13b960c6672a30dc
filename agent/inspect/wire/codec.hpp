// SPDX-License-Identifier: Apache-2.0
// Numbers as varints (7 bits a byte, least first), texts and byte strings with their length before them.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/inspect/model/flow.hpp"

namespace tidegate::inspect::wire {

class Writer {
 public:
  explicit Writer(std::vector<std::byte>& out) : out_(out) {}

  void byte(std::uint8_t value) { out_.push_back(static_cast<std::byte>(value)); }
  void flag(bool value) { byte(value ? 1 : 0); }
  void number(std::uint64_t value) {
    std::array<std::byte, 10> digits;  // NOLINT: only what was written is read
    std::size_t size = 0;
    for (; value >= 0x80; value >>= 7) digits[size++] = static_cast<std::byte>(value | 0x80);
    digits[size++] = static_cast<std::byte>(value);
    out_.insert(out_.end(), digits.begin(), digits.begin() + static_cast<std::ptrdiff_t>(size));
  }
  void raw(Bytes bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void bytes(Bytes bytes) {
    number(bytes.size());
    raw(bytes);
  }
  // Cut at `most` bytes.
  void text(std::string_view text, std::size_t most) {
    bytes(std::as_bytes(std::span(text.data(), std::min(text.size(), most))));
  }
  void fixed64(std::uint64_t value) { raw(std::as_bytes(std::span(&value, 1))); }
  void address(const Address& value) {
    fixed64(value.hi);
    fixed64(value.lo);
  }

 private:
  std::vector<std::byte>& out_;
};

// After the first thing that is not there or beyond its bound, everything reads as zero and ok() is false.
class Reader {
 public:
  explicit Reader(Bytes in) : in_(in) {}

  bool ok() const { return ok_; }
  bool at_end() const { return in_.empty(); }
  std::size_t left() const { return in_.size(); }

  std::uint8_t byte() {
    const Bytes one = raw(1);
    return one.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(one[0]);
  }
  bool flag() {
    const std::uint8_t value = byte();
    if (value > 1) fail();
    return value == 1;
  }
  // Beyond `most`: not ok.
  std::uint64_t number(std::uint64_t most = std::numeric_limits<std::uint64_t>::max()) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t digit = byte();
      if (shift == 63 && digit > 1) break;
      value |= std::uint64_t{digit & 0x7fU} << shift;
      if (digit < 0x80) return value <= most ? value : fail();
    }
    return fail();
  }
  template <std::unsigned_integral T>
  T small() {
    return static_cast<T>(number(std::numeric_limits<T>::max()));
  }
  Bytes raw(std::size_t size) {
    if (size > in_.size()) fail();
    if (!ok_) return {};
    const Bytes taken = in_.first(size);
    in_ = in_.subspan(size);
    return taken;
  }
  Bytes bytes(std::size_t most) { return raw(number(most)); }
  // Into a string whose memory is used again.
  void text(std::string& into, std::size_t most) {
    const Bytes found = bytes(most);
    into.assign(reinterpret_cast<const char*>(found.data()), found.size());
  }
  std::string text(std::size_t most) {
    std::string found;
    text(found, most);
    return found;
  }
  std::uint64_t fixed64() {
    std::uint64_t value = 0;
    const Bytes found = raw(sizeof value);
    if (!found.empty()) std::memcpy(&value, found.data(), sizeof value);
    return value;
  }
  Address address() {
    const std::uint64_t hi = fixed64();
    return {hi, fixed64()};
  }
  std::uint64_t fail() {
    ok_ = false;
    in_ = {};
    return 0;
  }

 private:
  Bytes in_;
  bool ok_ = true;
};

// One of an enumeration's values from the first to `last`.
template <typename Enum>
Enum choice(Reader& reader, Enum last) {
  const std::uint8_t value = reader.byte();
  if (value > static_cast<std::uint8_t>(last)) reader.fail();
  return reader.ok() ? static_cast<Enum>(value) : Enum{};
}

}  // namespace tidegate::inspect::wire
