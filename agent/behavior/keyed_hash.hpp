// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/base/siphash.hpp"

namespace tidegate::behavior {

// Secret of a process. Equal seeds give equal hashes, which replays and tests rely on.
struct HashSeed {
  std::uint64_t first = 0x0706050403020100;
  std::uint64_t second = 0x0f0e0d0c0b0a0908;
};

inline std::uint64_t keyed_hash(const HashSeed& seed, const void* data, std::size_t size) {
  return SipHash(seed.first, seed.second).value({static_cast<const std::byte*>(data), size});
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
