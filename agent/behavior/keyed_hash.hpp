// SPDX-License-Identifier: Apache-2.0
// SipHash-1-3 (Aumasson and Bernstein, 2012): a hash whose collisions nobody can choose who does not know the seed.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace tidegate::behavior {

// Secret of a process. Equal seeds give equal hashes, which replays and tests rely on.
struct HashSeed {
  std::uint64_t first = 0x0706050403020100;
  std::uint64_t second = 0x0f0e0d0c0b0a0908;
};

namespace detail {

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
    v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  }
};

}  // namespace detail

inline std::uint64_t keyed_hash(const HashSeed& seed, const void* data, std::size_t size) {
  detail::SipState state{seed.first ^ 0x736f6d6570736575, seed.second ^ 0x646f72616e646f6d,
                         seed.first ^ 0x6c7967656e657261, seed.second ^ 0x7465646279746573};
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::uint64_t word = 0;
  std::size_t left = size;
  for (; left >= 8; left -= 8, bytes += 8) {
    std::memcpy(&word, bytes, 8);
    state.absorb(word);
  }
  word = 0;
  if (left != 0) std::memcpy(&word, bytes, left);
  state.absorb(word | static_cast<std::uint64_t>(size) << 56);
  state.v2 ^= 0xff;
  for (int i = 0; i < 3; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

inline std::uint64_t keyed_hash(const HashSeed& seed, std::string_view text) {
  return keyed_hash(seed, text.data(), text.size());
}

// Two hashes as one. Both are keyed already, so that mixing needs no key of its own.
inline std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a ^ 0x9e3779b97f4a7c15) * (b ^ 0xd6e8feb86659fd93);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace tidegate::behavior
