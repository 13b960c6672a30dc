// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "agent/inspect/model/flow.hpp"

namespace tidegate::inspect {

// Takes numbers and vectors off the front of a message in network order. What goes beyond its end is zero or empty, and
// ok() is false from then on.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool empty() const { return rest_.empty(); }
  Bytes rest() const { return rest_; }

  Bytes take(std::size_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const Bytes taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  std::uint32_t number(std::size_t size) {
    std::uint32_t value = 0;
    for (const std::byte byte : take(size)) value = value << 8 | std::to_integer<std::uint32_t>(byte);
    return value;
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  Bytes vector8() { return take(number(1)); }
  Bytes vector16() { return take(number(2)); }

 private:
  Bytes rest_;
  bool ok_ = true;
};

}  // namespace tidegate::inspect
