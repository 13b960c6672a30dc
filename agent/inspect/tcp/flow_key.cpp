// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tcp/flow_key.hpp"

#include <sys/random.h>

#include <bit>
#include <cstdlib>

namespace tidegate::inspect {
namespace {

struct Sip {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }
  void add(std::uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  }
};

}  // namespace

Endpoint FlowKey::low() const { return {{words[0], words[1]}, static_cast<std::uint16_t>(words[4] >> 16)}; }
Endpoint FlowKey::high() const { return {{words[2], words[3]}, static_cast<std::uint16_t>(words[4])}; }

DirectedKey key_of(const Endpoint& source, const Endpoint& destination) {
  const bool from_high = source > destination;
  const Endpoint& low = from_high ? destination : source;
  const Endpoint& high = from_high ? source : destination;
  const std::uint64_t ports = std::uint64_t{low.port} << 16 | high.port;
  return {{{low.address.hi, low.address.lo, high.address.hi, high.address.lo, ports}}, from_high};
}

FlowHash::FlowHash() : key_{} {
  // Without randomness anybody could make this slow: there is no going on then. It cannot fail once the system is up.
  if (getrandom(key_.data(), sizeof key_, 0) != static_cast<ssize_t>(sizeof key_)) std::abort();
}

// Aumasson and Bernstein, "SipHash: a fast short-input PRF".
std::uint64_t FlowHash::operator()(const FlowKey& key) const {
  Sip sip{key_[0] ^ 0x736f6d6570736575, key_[1] ^ 0x646f72616e646f6d, key_[0] ^ 0x6c7967656e657261,
          key_[1] ^ 0x7465646279746573};
  for (const std::uint64_t word : key.words) sip.add(word);
  sip.add(std::uint64_t{sizeof key.words} << 56);
  sip.v2 ^= 0xff;
  sip.round();
  sip.round();
  sip.round();
  return sip.v0 ^ sip.v1 ^ sip.v2 ^ sip.v3;
}

}  // namespace tidegate::inspect
