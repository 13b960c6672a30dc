// SPDX-License-Identifier: Apache-2.0
// Handshake messages out of the contents of handshake records (RFC 8446, 4; RFC 5246, 7.4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/inspect/model/flow.hpp"

namespace tidegate::inspect {

enum class HandshakeType : std::uint8_t {
  kClientHello = 1,
  kServerHello = 2,
  kEndOfEarlyData = 5,
  kEncryptedExtensions = 8,
  kFinished = 20,
  kKeyUpdate = 24,
};

// Keeps only messages that are read here, and those within bounds; all others are passed over as they come.
class HandshakeReader {
 public:
  static constexpr std::size_t kLongestClientHello = 131'396;  // what OpenSSL takes; NSS, GnuTLS and Go take less
  static constexpr std::size_t kLongestOther = 32 << 10;

  struct Message {
    HandshakeType type{};
    Bytes body;  // of a message that is passed over: empty
  };
  enum class Step : std::uint8_t { kMessage, kNeedsMore, kTooLong };

  // Takes from the front of `bytes` up to the end of one message. The message lives until the next call.
  Step next(Bytes& bytes, Message& message);
  // Bytes kept of an incomplete message.
  std::size_t kept() const { return kept_.capacity(); }
  // Nothing of a message is waiting for its rest.
  bool at_boundary() const { return header_size_ == 0; }
  void clear();

 private:
  static constexpr std::size_t kHeader = 4;
  std::size_t length() const;
  void keep(Bytes part);

  std::byte header_[kHeader] = {};
  std::uint8_t header_size_ = 0;
  std::size_t left_ = 0;  // of the body
  bool keep_ = false;
  bool delivered_ = false;  // kept_ was handed out
  std::vector<std::byte> kept_;
};

}  // namespace tidegate::inspect
