// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/inspect/tls/byte_reader.hpp"
#include "agent/inspect/tls/extension.hpp"
#include "agent/inspect/tls/hello.hpp"

namespace tidegate::inspect {
namespace {

// RFC 8446, 4.1.3: SHA-256 of "HelloRetryRequest".
constexpr std::array<std::uint8_t, 32> kRetryRandom{0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                                    0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                                    0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

TlsVersion version_of(std::uint16_t number) {
  switch (number) {
    case 0x0304:
      return TlsVersion::k13;
    case 0x0303:
      return TlsVersion::k12;
    case 0x0302:
      return TlsVersion::k11;
    case 0x0301:
      return TlsVersion::k10;
    default:
      return TlsVersion::kNone;
  }
}

std::string read_alpn(Bytes body) {
  const Bytes name = ByteReader(ByteReader(body).vector16()).vector8();
  return {reinterpret_cast<const char*>(name.data()), name.size()};
}

}  // namespace

std::optional<ServerHello> read_server_hello(Bytes body) {
  ByteReader reader(body);
  ServerHello hello;
  std::uint16_t version = reader.u16();
  std::ranges::copy(reader.take(hello.random.size()), hello.random.begin());
  reader.vector8();  // session id
  hello.cipher = reader.u16();
  reader.u8();  // compression method
  if (!reader.ok()) return std::nullopt;
  ByteReader extensions(reader.empty() ? Bytes{} : reader.vector16());
  while (!extensions.empty()) {
    const std::uint16_t type = extensions.u16();
    const Bytes content = extensions.vector16();
    if (type == kSupportedVersions) version = ByteReader(content).u16();
    if (type == kAlpn) hello.alpn = read_alpn(content);
    if (type == kEncryptThenMac) hello.encrypt_then_mac = true;
    if (type == kPreSharedKey) hello.resumed_psk = true;
  }
  if (!reader.ok() || !extensions.ok()) return std::nullopt;
  hello.version = version_of(version);
  hello.retry = std::ranges::equal(hello.random, std::as_bytes(std::span(kRetryRandom)));
  return hello;
}

std::optional<EncryptedExtensions> read_encrypted_extensions(Bytes body) {
  ByteReader reader(body);
  EncryptedExtensions result;
  ByteReader extensions(reader.vector16());
  while (!extensions.empty()) {
    const std::uint16_t type = extensions.u16();
    const Bytes content = extensions.vector16();
    if (type == kAlpn) result.alpn = read_alpn(content);
    if (type == kEarlyData) result.early_data = true;
  }
  if (!reader.ok() || !extensions.ok()) return std::nullopt;
  return result;
}

}  // namespace tidegate::inspect
