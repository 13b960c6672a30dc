// SPDX-License-Identifier: Apache-2.0
#include "agent/base/siphash.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tidegate {
namespace {

constexpr std::uint64_t kFirst = 0x0706050403020100;  // the key 00 01 … 0f, as in the authors' vectors
constexpr std::uint64_t kSecond = 0x0f0e0d0c0b0a0908;

TEST(SipHashTest, OfNothing) { EXPECT_EQ(SipHash(kFirst, kSecond).value(), 0xabac0158050fc4dcU); }

TEST(SipHashTest, WordsAndBytesAreTheSame) {
  std::array<std::byte, 37> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  const std::span<const std::byte> all(bytes);
  SipHash parts(kFirst, kSecond);
  parts.add(all.first<32>());
  EXPECT_EQ(parts.value(all.subspan(32)), SipHash(kFirst, kSecond).value(all));
  EXPECT_NE(SipHash(kFirst, kSecond).value(all.first(36)), SipHash(kFirst, kSecond).value(all));
  EXPECT_EQ(SipHash(kFirst, kSecond).add(kFirst).value(), SipHash(kFirst, kSecond).value(all.first(8)));
  EXPECT_NE(SipHash(kFirst, kSecond).value(all), SipHash(kFirst, kSecond + 1).value(all));
}

}  // namespace
}  // namespace tidegate
