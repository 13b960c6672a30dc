// SPDX-License-Identifier: Apache-2.0
// What a cipher suite number means for the protection of records.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tidegate::inspect {

enum class BulkCipher : std::uint8_t {
  kAes128Gcm,
  kAes256Gcm,
  kAes128Ccm,
  kAes256Ccm,
  kChaCha20,
  kAes128Cbc,
  kAes256Cbc
};
inline constexpr std::size_t kBulkCiphers = 7;

enum class HashKind : std::uint8_t { kMd5, kSha1, kSha256, kSha384 };

constexpr std::size_t size_of(HashKind hash) {
  constexpr std::size_t kSizes[] = {16, 20, 32, 48};
  return kSizes[static_cast<std::size_t>(hash)];
}

struct Suite {
  BulkCipher bulk = BulkCipher::kAes128Gcm;
  HashKind hash = HashKind::kSha256;  // of the key schedule (TLS 1.2: the PRF's)
  HashKind mac = HashKind::kSha1;     // of CBC suites
  std::uint8_t tag = 16;              // of AEAD suites
  bool tls13 = false;

  bool is_cbc() const { return bulk == BulkCipher::kAes128Cbc || bulk == BulkCipher::kAes256Cbc; }
  std::size_t key_size() const {
    return bulk == BulkCipher::kAes128Gcm || bulk == BulkCipher::kAes128Ccm || bulk == BulkCipher::kAes128Cbc ? 16 : 32;
  }
  // Bytes of the IV that come from the key schedule, and bytes that each record carries.
  std::size_t fixed_iv() const { return tls13 || bulk == BulkCipher::kChaCha20 ? 12 : is_cbc() ? 0 : 4; }
  std::size_t record_iv() const { return tls13 || bulk == BulkCipher::kChaCha20 ? 0 : is_cbc() ? 16 : 8; }
};

// nullptr: not one that is decrypted here (RFC 5246, 5288, 5289, 5487, 6655, 7251, 7905, 8442, 8446 ones with AES or
// ChaCha20 are).
const Suite* find_suite(std::uint16_t number);

}  // namespace tidegate::inspect
