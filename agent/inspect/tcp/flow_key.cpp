// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tcp/flow_key.hpp"

#include <sys/random.h>

#include <cstdlib>

#include "agent/base/siphash.hpp"

namespace tidegate::inspect {
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

std::uint64_t FlowHash::operator()(const FlowKey& key) const {
  SipHash hash(key_[0], key_[1]);
  for (const std::uint64_t word : key.words) hash.add(word);
  return hash.value();
}

}  // namespace tidegate::inspect
