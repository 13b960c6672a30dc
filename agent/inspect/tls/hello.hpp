// SPDX-License-Identifier: Apache-2.0
// ClientHello, ServerHello and EncryptedExtensions (RFC 8446, 4.1 and 4.3.1; RFC 5246, 7.4.1).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "agent/inspect/keys/key_store.hpp"
#include "agent/inspect/model/flow.hpp"
#include "agent/inspect/model/summary.hpp"

namespace tidegate::inspect {

// Of a ClientHello; more are not in its JA4, in which both count as 99 at most. All extensions are read.
inline constexpr std::size_t kMostCiphers = 512;
inline constexpr std::size_t kMostExtensions = 1024;

struct ClientHello {
  ClientRandom random{};
  std::string sni;   // host names only; at most 255 printable bytes
  std::string alpn;  // the first protocol offered
  std::string ja4;
  bool early_data = false;
};

// nullopt: malformed.
std::optional<ClientHello> read_client_hello(Bytes body);

// In the format of SSL 2.0 (RFC 5246, E.2), from its message type on. Without extensions, and without JA4, which is not
// defined for it. The random is the challenge behind zeros, as servers log it; sizes that E.2 does not allow are read
// as OpenSSL reads them.
std::optional<ClientHello> read_old_client_hello(Bytes message);

struct ServerHello {
  std::array<std::byte, 32> random{};
  std::uint16_t cipher = 0;
  TlsVersion version = TlsVersion::kNone;  // kNone: one that is not known
  std::string alpn;                        // TLS 1.2
  bool retry = false;                      // HelloRetryRequest
  bool resumed_psk = false;                // TLS 1.3: a pre-shared key was chosen
  bool encrypt_then_mac = false;
};

std::optional<ServerHello> read_server_hello(Bytes body);

struct EncryptedExtensions {
  std::string alpn;
  bool early_data = false;  // accepted
};

std::optional<EncryptedExtensions> read_encrypted_extensions(Bytes body);

// RFC 8701.
constexpr bool is_grease(std::uint16_t value) { return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff); }

}  // namespace tidegate::inspect
