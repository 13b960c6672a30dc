// SPDX-License-Identifier: Apache-2.0
// ClientHellos in the format of SSL 2.0 (RFC 5246, E.2).
#pragma once

#include <string>
#include <vector>

namespace tidegate::inspect::test {

struct OldHello {
  std::string challenge = std::string(32, 'c');
  std::string session{};
  std::vector<unsigned> ciphers{0x00009c};  // of 24 bits
  unsigned version = 0x0303;
};

inline std::string number_16(std::size_t value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }

// From the message type on.
inline std::string message_of(const OldHello& hello) {
  std::string text = std::string("\x01") + number_16(hello.version) + number_16(3 * hello.ciphers.size()) +
                     number_16(hello.session.size()) + number_16(hello.challenge.size());
  for (const unsigned cipher : hello.ciphers) text += static_cast<char>(cipher >> 16) + number_16(cipher & 0xffff);
  return text + hello.session + hello.challenge;
}

inline std::string record_of(const OldHello& hello) {
  const std::string message = message_of(hello);
  return number_16(0x8000 | message.size()) + message;
}

// Bytes 11 to 43 of a record with an ordinary ClientHello.
inline std::string random_of(const std::string& record) { return record.substr(11, 32); }

}  // namespace tidegate::inspect::test
