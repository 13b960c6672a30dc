// SPDX-License-Identifier: Apache-2.0
// Key lines for tests: random and secret are one repeated byte each.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "agent/inspect/keys/key_store.hpp"

namespace tidegate::inspect {

inline std::string repeated(unsigned byte, std::size_t size) {
  std::string hex;
  for (std::size_t i = 0; i < size; ++i) hex += fmt::format("{:02x}", byte & 0xff);
  return hex;
}

// A random of 32 bytes that holds `number`.
inline std::string random_hex(unsigned number) { return fmt::format("{:064x}", number); }

inline ClientRandom random_of(unsigned number) {
  ClientRandom random{};
  for (unsigned i = 0; i < 4; ++i) random[31 - i] = static_cast<std::byte>(number >> (8 * i));
  return random;
}

inline std::string master_line(unsigned number, unsigned secret = 0x11) {
  return "CLIENT_RANDOM " + random_hex(number) + ' ' + repeated(secret, 48);
}

inline std::string traffic_line(std::string_view label, unsigned number, unsigned secret, std::size_t size = 32) {
  return std::string(label) + ' ' + random_hex(number) + ' ' + repeated(secret, size);
}

inline Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace tidegate::inspect
