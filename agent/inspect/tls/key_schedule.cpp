// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tls/key_schedule.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "agent/inspect/tls/hmac.hpp"

namespace tidegate::inspect {
namespace {

constexpr std::size_t kLargestKeyBlock = 2 * (48 + 32 + 16);

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

void expand(const Hmac& hmac, std::string_view label, std::span<std::byte> out) {
  std::array<std::byte, 32> info;  // the labels used here are at most 11 long
  std::size_t size = 0;
  const auto put = [&](std::size_t byte) { info[size++] = static_cast<std::byte>(byte); };
  constexpr std::string_view kPrefix = "tls13 ";
  put(0);
  put(out.size());
  put(kPrefix.size() + label.size());
  for (const char c : kPrefix) put(static_cast<unsigned char>(c));
  for (const char c : label) put(static_cast<unsigned char>(c));
  put(0);
  put(1);  // the counter of HKDF-Expand's first block
  std::array<std::byte, kLongestHash> block;
  hmac.mac({Bytes(info).first(size)}, block.data());
  std::memcpy(out.data(), block.data(), out.size());
  OPENSSL_cleanse(block.data(), block.size());
}

// P_hash of RFC 5246, 5, XORed onto `out`.
void expand_hash(HashKind hash, Bytes secret, Bytes label, Bytes seed, std::span<std::byte> out) {
  const Hmac hmac(hash, secret);
  std::array<std::byte, kLongestHash> a;
  std::array<std::byte, kLongestHash> block;
  const Bytes current = Bytes(a).first(hmac.size());
  hmac.mac({label, seed}, a.data());
  for (std::size_t at = 0; at < out.size(); at += hmac.size()) {
    hmac.mac({current, label, seed}, block.data());
    const std::size_t size = std::min(hmac.size(), out.size() - at);
    for (std::size_t i = 0; i < size; ++i) out[at + i] ^= block[i];
    hmac.mac({current}, a.data());
  }
  OPENSSL_cleanse(a.data(), a.size());
  OPENSSL_cleanse(block.data(), block.size());
}

}  // namespace

RecordKeys::~RecordKeys() { OPENSSL_cleanse(this, sizeof(*this)); }

void expand_label(HashKind hash, Bytes secret, const char* label, std::span<std::byte> out) {
  expand(Hmac(hash, secret), label, out);
}

RecordKeys keys_of_secret(const Suite& suite, Bytes secret) {
  RecordKeys keys;
  const Hmac hmac(suite.hash, secret);
  expand(hmac, "key", std::span(keys.key).first(suite.key_size()));
  expand(hmac, "iv", std::span(keys.iv).first(suite.fixed_iv()));
  return keys;
}

Secret next_secret(const Suite& suite, const Secret& secret) {
  Secret next;
  next.size = secret.size;
  expand_label(suite.hash, secret.view(), "traffic upd", std::span(next.bytes).first(next.size));
  return next;
}

void pseudo_random(TlsVersion version, HashKind hash, Bytes secret, const char* label, Bytes seed,
                   std::span<std::byte> out) {
  std::ranges::fill(out, std::byte{0});
  if (version == TlsVersion::k12) return expand_hash(hash, secret, bytes_of(label), seed, out);
  const std::size_t half = (secret.size() + 1) / 2;
  expand_hash(HashKind::kMd5, secret.first(half), bytes_of(label), seed, out);
  expand_hash(HashKind::kSha1, secret.last(half), bytes_of(label), seed, out);
}

KeyPair keys_of_master(TlsVersion version, const Suite& suite, Bytes master, const ClientRandom& client,
                       const std::array<std::byte, 32>& server) {
  std::array<std::byte, 64> seed;
  std::ranges::copy(server, seed.begin());
  std::ranges::copy(client, seed.begin() + server.size());
  const std::size_t mac = suite.is_cbc() ? size_of(suite.mac) : 0;
  const std::size_t iv = version == TlsVersion::k10 ? 16 : suite.fixed_iv();
  std::array<std::byte, kLargestKeyBlock> block;
  pseudo_random(version, suite.hash, master, "key expansion", seed,
                std::span(block).first(2 * (mac + suite.key_size() + iv)));
  KeyPair keys;
  const std::byte* at = block.data();
  const auto take = [&at](std::byte* to, std::size_t size) {
    std::memcpy(to, at, size);
    at += size;
  };
  take(keys.client.mac.data(), mac);
  take(keys.server.mac.data(), mac);
  take(keys.client.key.data(), suite.key_size());
  take(keys.server.key.data(), suite.key_size());
  take(keys.client.iv.data(), iv);
  take(keys.server.iv.data(), iv);
  OPENSSL_cleanse(block.data(), block.size());
  return keys;
}

}  // namespace tidegate::inspect
