// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/sources.hpp"

#include <algorithm>

#include "agent/kernel/abi.hpp"
#include "agent/kernel/shared_word.hpp"
#include "bpf/stage/flow_entry.h"

namespace tidegate::kernel {
namespace {

tg_tats copy(const tg_tats& shared) {
  return {.packets = load(shared.packets), .bytes = load(shared.bytes), .syn = load(shared.syn), .reserved = 0};
}

bool in_debt(const tg_tats& tats, std::uint64_t now) {
  return load(tats.packets) > now || load(tats.bytes) > now || load(tats.syn) > now;
}

}  // namespace

Result<Sources> Sources::open(const MapSet& maps, const tg_identity& identity) {
  TIDEGATE_ASSIGN(auto keys, maps.mapped<tg_key_set>("keys"));
  TIDEGATE_ASSIGN(auto tats, maps.mapped<tg_tat_set>("tats"));
  TIDEGATE_ASSIGN(auto flows, maps.mapped<tg_flow_set>("flows"));
  return Sources(identity, std::move(keys), std::move(tats), std::move(flows));
}

std::uint64_t Sources::prefix_of(const Address& source, const tg_host& host) const {
  tg_address masked = to_abi(source);
  if (source.is_v4()) {
    masked.lo &= host.source_mask_v4;
    return tg_source_prefix(identity_.seed, masked, 1, 0);
  }
  masked.hi &= host.source_mask_v6.hi;
  masked.lo &= host.source_mask_v6.lo;
  return tg_source_prefix(identity_.seed, masked, 0, host.source_mask_v6.lo != 0);
}

std::vector<BucketState> Sources::buckets_of(const Address& source, const tg_host& host,
                                             const ServiceSlots& slots) const {
  std::vector<BucketState> found;
  const std::uint64_t prefix = prefix_of(source, host);
  for (const unsigned slot : slots.with_buckets()) {
    const std::uint64_t key = tg_way_key(prefix, slots.tweak(slot));
    const std::size_t set = tg_way_set(identity_.seed, key, static_cast<std::uint32_t>(keys_.size()));
    for (unsigned way = 0; way < TG_WAYS; ++way) {
      if (load(keys_[set].key[way]) != key) continue;
      found.push_back({.service = slot, .tats = copy(tats_[set].way[way])});
      break;
    }
  }
  return found;
}

std::uint64_t Sources::proven_hash(const Address& source, const tg_host& host) const {
  return tg_proven_hash(identity_.seed, prefix_of(source, host));
}

std::uint64_t Sources::buckets_in_debt(MonotonicTime now) const {
  std::uint64_t count = 0;
  for (std::size_t set = 0; set < keys_.size(); ++set) {
    for (unsigned way = 0; way < TG_WAYS; ++way) {
      if (load(keys_[set].key[way]) != 0 && in_debt(tats_[set].way[way], to_abi(now))) ++count;
    }
  }
  return count;
}

std::uint64_t Sources::fresh_flows(MonotonicTime now) const {
  std::uint64_t count = 0;
  for (const auto& set : flows_.values()) {
    for (const auto& shared : set.entry) {
      const std::uint64_t entry = load(shared);
      if (entry != 0 && tg_flow_age(entry, to_abi(now)) <= TG_FLOW_AGE_DATAGRAM) ++count;
    }
  }
  return count;
}

}  // namespace tidegate::kernel
