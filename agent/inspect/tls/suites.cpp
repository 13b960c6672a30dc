// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tls/suites.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace tidegate::inspect {
namespace {

// Suites that differ only in the key exchange share one row.
constexpr Suite kTls13[] = {
    {.bulk = BulkCipher::kAes128Gcm, .tls13 = true},
    {.bulk = BulkCipher::kAes256Gcm, .hash = HashKind::kSha384, .tls13 = true},
    {.bulk = BulkCipher::kChaCha20, .tls13 = true},
    {.bulk = BulkCipher::kAes128Ccm, .tls13 = true},
    {.bulk = BulkCipher::kAes128Ccm, .tag = 8, .tls13 = true},
};
constexpr Suite kGcm128{.bulk = BulkCipher::kAes128Gcm};
constexpr Suite kGcm256{.bulk = BulkCipher::kAes256Gcm, .hash = HashKind::kSha384};
constexpr Suite kCcm128{.bulk = BulkCipher::kAes128Ccm};
constexpr Suite kCcm256{.bulk = BulkCipher::kAes256Ccm};
constexpr Suite kCcm128Short{.bulk = BulkCipher::kAes128Ccm, .tag = 8};
constexpr Suite kCcm256Short{.bulk = BulkCipher::kAes256Ccm, .tag = 8};
constexpr Suite kChaCha{.bulk = BulkCipher::kChaCha20};
constexpr Suite kCbc128{.bulk = BulkCipher::kAes128Cbc};
constexpr Suite kCbc256{.bulk = BulkCipher::kAes256Cbc};
constexpr Suite kCbc128Sha256{.bulk = BulkCipher::kAes128Cbc, .mac = HashKind::kSha256};
constexpr Suite kCbc256Sha256{.bulk = BulkCipher::kAes256Cbc, .mac = HashKind::kSha256};
constexpr Suite kCbc256Sha384{.bulk = BulkCipher::kAes256Cbc, .hash = HashKind::kSha384, .mac = HashKind::kSha384};

constexpr std::uint16_t kGcm128Numbers[] = {0x009c, 0x009e, 0x00a0, 0x00a2, 0x00a4, 0x00a6, 0x00a8,
                                            0x00aa, 0x00ac, 0xc02b, 0xc02d, 0xc02f, 0xc031, 0xd001};
constexpr std::uint16_t kGcm256Numbers[] = {0x009d, 0x009f, 0x00a1, 0x00a3, 0x00a5, 0x00a7, 0x00a9,
                                            0x00ab, 0x00ad, 0xc02c, 0xc02e, 0xc030, 0xc032, 0xd002};
constexpr std::uint16_t kCcm128Numbers[] = {0xc09c, 0xc09e, 0xc0a4, 0xc0a6, 0xc0ac};
constexpr std::uint16_t kCcm256Numbers[] = {0xc09d, 0xc09f, 0xc0a5, 0xc0a7, 0xc0ad};
constexpr std::uint16_t kCcm128ShortNumbers[] = {0xc0a0, 0xc0a2, 0xc0a8, 0xc0aa, 0xc0ae};
constexpr std::uint16_t kCcm256ShortNumbers[] = {0xc0a1, 0xc0a3, 0xc0a9, 0xc0ab, 0xc0af};
constexpr std::uint16_t kChaChaNumbers[] = {0xcca8, 0xcca9, 0xccaa, 0xccab, 0xccac, 0xccad, 0xccae};
constexpr std::uint16_t kCbc128Numbers[] = {0x002f, 0x0030, 0x0031, 0x0032, 0x0033, 0x0034, 0x008c, 0x0090, 0x0094,
                                            0xc004, 0xc009, 0xc00e, 0xc013, 0xc018, 0xc01d, 0xc01e, 0xc01f, 0xc035};
constexpr std::uint16_t kCbc256Numbers[] = {0x0035, 0x0036, 0x0037, 0x0038, 0x0039, 0x003a, 0x008d, 0x0091, 0x0095,
                                            0xc005, 0xc00a, 0xc00f, 0xc014, 0xc019, 0xc020, 0xc021, 0xc022, 0xc036};
constexpr std::uint16_t kCbc128Sha256Numbers[] = {0x003c, 0x003e, 0x003f, 0x0040, 0x0067, 0x006c, 0x00ae,
                                                  0x00b2, 0x00b6, 0xc023, 0xc025, 0xc027, 0xc029, 0xc037};
constexpr std::uint16_t kCbc256Sha256Numbers[] = {0x003d, 0x0068, 0x0069, 0x006a, 0x006b, 0x006d};
constexpr std::uint16_t kCbc256Sha384Numbers[] = {0x00af, 0x00b3, 0x00b7, 0xc024, 0xc026, 0xc028, 0xc02a, 0xc038};

struct Family {
  const Suite* suite;
  std::span<const std::uint16_t> numbers;
};
constexpr std::array<Family, 12> kFamilies{{
    {&kGcm128, kGcm128Numbers},
    {&kGcm256, kGcm256Numbers},
    {&kChaCha, kChaChaNumbers},
    {&kCbc128, kCbc128Numbers},
    {&kCbc256, kCbc256Numbers},
    {&kCbc128Sha256, kCbc128Sha256Numbers},
    {&kCbc256Sha256, kCbc256Sha256Numbers},
    {&kCbc256Sha384, kCbc256Sha384Numbers},
    {&kCcm128, kCcm128Numbers},
    {&kCcm256, kCcm256Numbers},
    {&kCcm128Short, kCcm128ShortNumbers},
    {&kCcm256Short, kCcm256ShortNumbers},
}};

}  // namespace

const Suite* find_suite(std::uint16_t number) {
  constexpr std::uint16_t kFirst13 = 0x1301;
  if (number >= kFirst13 && number < kFirst13 + std::size(kTls13)) return &kTls13[number - kFirst13];
  const auto has = [number](const Family& family) {
    return std::ranges::find(family.numbers, number) != family.numbers.end();
  };
  const auto found = std::ranges::find_if(kFamilies, has);
  return found == kFamilies.end() ? nullptr : found->suite;
}

}  // namespace tidegate::inspect
