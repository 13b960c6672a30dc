// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace tidegate {

// SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"): for tables whose keys an attacker chooses.
// Nobody who does not know the key can choose collisions.
class SipHash {
 public:
  SipHash(std::uint64_t k0, std::uint64_t k1)
      : v0_(k0 ^ 0x736f6d6570736575),
        v1_(k1 ^ 0x646f72616e646f6d),
        v2_(k0 ^ 0x6c7967656e657261),
        v3_(k1 ^ 0x7465646279746573) {}

  SipHash& add(std::uint64_t word) {
    size_ += sizeof word;
    absorb(word);
    return *this;
  }
  SipHash& add(std::span<const std::byte, 32> bytes) {
    for (std::size_t i = 0; i < bytes.size(); i += 8) add(word_of(bytes.subspan(i, 8)));
    return *this;
  }
  // Of everything added, and of `rest` behind it, which may have any size.
  std::uint64_t value(std::span<const std::byte> rest = {}) {
    for (; rest.size() >= 8; rest = rest.subspan(8)) add(word_of(rest.first(8)));
    absorb(word_of(rest) | (size_ + rest.size()) << 56);
    v2_ ^= 0xff;
    for (int i = 0; i < 3; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  // Of at most eight bytes.
  static std::uint64_t word_of(std::span<const std::byte> bytes) {
    std::uint64_t word = 0;
    if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
    return word;
  }
  void absorb(std::uint64_t word) {
    v3_ ^= word;
    round();
    v0_ ^= word;
  }
  void round() {
    v0_ += v1_;
    v2_ += v3_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v1_;
    v0_ += v3_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_, v1_, v2_, v3_;
  std::uint64_t size_ = 0;
};

}  // namespace tidegate
