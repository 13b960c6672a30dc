// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/inspect/tls/byte_reader.hpp"
#include "agent/inspect/tls/extension.hpp"
#include "agent/inspect/tls/hello.hpp"
#include "agent/inspect/tls/ja4.hpp"

namespace tidegate::inspect {
namespace {

constexpr std::size_t kLongestName = 255;
constexpr std::size_t kMostSignatureAlgorithms = 128;
constexpr std::uint8_t kOldClientHello = 1;
constexpr std::size_t kOldCipher = 3;
constexpr std::size_t kLongestSession = 32;

std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

// RFC 6066, 3. A name that cannot be one is left out.
std::string read_server_name(Bytes body) {
  ByteReader list(ByteReader(body).vector16());
  while (!list.empty()) {
    const std::uint8_t type = list.u8();
    const Bytes name = list.vector16();
    if (type != 0 || name.empty() || name.size() > kLongestName) continue;
    const auto printable = [](std::byte c) { return c > std::byte{0x20} && c < std::byte{0x7f}; };
    if (std::ranges::all_of(name, printable)) return std::string(text_of(name));
  }
  return {};
}

void read_numbers(Bytes bytes, std::size_t most, std::vector<std::uint16_t>& out) {
  ByteReader list(bytes);
  while (list.rest().size() >= 2 && out.size() < most) out.push_back(list.u16());
}

std::uint16_t highest_version(Bytes body, std::uint16_t otherwise) {
  std::vector<std::uint16_t> versions;
  read_numbers(ByteReader(body).vector8(), 128, versions);
  std::erase_if(versions, is_grease);
  return versions.empty() ? otherwise : *std::ranges::max_element(versions);
}

void read_extension(std::uint16_t type, Bytes body, ClientHello& hello, Ja4Input& ja4, Bytes& first_alpn) {
  switch (type) {
    case kServerName:
      ja4.has_sni = true;
      hello.sni = read_server_name(body);
      break;
    case kSignatureAlgorithms:
      read_numbers(ByteReader(body).vector16(), kMostSignatureAlgorithms, ja4.signature_algorithms);
      break;
    case kAlpn:
      first_alpn = ByteReader(ByteReader(body).vector16()).vector8();
      break;
    case kSupportedVersions:
      ja4.version = highest_version(body, ja4.version);
      break;
    case kEarlyData:
      hello.early_data = true;
      break;
    default:
      break;
  }
}

}  // namespace

std::optional<ClientHello> read_client_hello(Bytes body) {
  ByteReader reader(body);
  ClientHello hello;
  Ja4Input ja4;
  ja4.version = reader.u16();
  std::ranges::copy(reader.take(hello.random.size()), hello.random.begin());
  reader.vector8();  // session id
  const Bytes ciphers = reader.vector16();
  reader.vector8();  // compression methods
  if (!reader.ok() || ciphers.size() % 2 != 0) return std::nullopt;
  read_numbers(ciphers, kMostCiphers, ja4.ciphers);
  Bytes alpn;
  if (!reader.empty()) {
    ByteReader extensions(reader.vector16());
    while (!extensions.empty()) {
      const std::uint16_t type = extensions.u16();
      const Bytes content = extensions.vector16();
      if (!extensions.ok()) return std::nullopt;
      if (ja4.extensions.size() < kMostExtensions) ja4.extensions.push_back(type);
      read_extension(type, content, hello, ja4, alpn);
    }
    if (!reader.ok()) return std::nullopt;
  }
  hello.alpn = text_of(alpn);
  ja4.alpn = hello.alpn;
  hello.ja4 = ja4_of(ja4);
  return hello;
}

std::optional<ClientHello> read_old_client_hello(Bytes message) {
  ByteReader reader(message);
  const std::uint8_t type = reader.u8();
  const std::uint16_t version = reader.u16();
  const std::size_t ciphers = reader.u16();
  const std::size_t session = reader.u16();
  const std::size_t size = reader.u16();
  reader.take(ciphers);
  reader.take(session);
  Bytes challenge = reader.take(size);
  const bool sizes = ciphers % kOldCipher == 0 && session <= kLongestSession;
  if (!reader.ok() || !reader.empty() || type != kOldClientHello || version >> 8 != 3 || !sizes) return std::nullopt;
  ClientHello hello;
  challenge = challenge.first(std::min(challenge.size(), hello.random.size()));
  std::ranges::copy(challenge, hello.random.end() - static_cast<std::ptrdiff_t>(challenge.size()));
  return hello;
}

}  // namespace tidegate::inspect
