// SPDX-License-Identifier: Apache-2.0
// What the datapath remembers of sources: buckets, and flows whose replies it expects.
#pragma once

#include <vector>

#include "agent/kernel/datapath.hpp"
#include "agent/kernel/maps.hpp"
#include "agent/kernel/service_slots.hpp"
#include "bpf/abi/config.h"

namespace tidegate::kernel {

// Thread-safe.
class Sources {
 public:
  static Result<Sources> open(const MapSet& maps, const tg_identity& identity);

  // The buckets of a source, in those slots of `slots` in which it has one.
  std::vector<BucketState> buckets_of(const Address& source, const tg_host& host, const ServiceSlots& slots) const;
  // By which class Proven knows the source.
  std::uint64_t proven_hash(const Address& source, const tg_host& host) const;

  std::uint64_t buckets_in_debt(MonotonicTime now) const;
  std::uint64_t bucket_capacity() const { return keys_.size() * TG_WAYS; }
  std::uint64_t fresh_flows(MonotonicTime now) const;
  std::uint64_t flow_capacity() const { return flows_.size() * TG_FLOW_WAYS; }

 private:
  Sources(const tg_identity& identity, MappedArray<tg_key_set> keys, MappedArray<tg_tat_set> tats,
          MappedArray<tg_flow_set> flows)
      : identity_(identity), keys_(std::move(keys)), tats_(std::move(tats)), flows_(std::move(flows)) {}
  std::uint64_t prefix_of(const Address& source, const tg_host& host) const;
  std::uint64_t tweak_of(unsigned slot, const ServiceSlots& slots) const;

  tg_identity identity_;
  MappedArray<tg_key_set> keys_;
  MappedArray<tg_tat_set> tats_;
  MappedArray<tg_flow_set> flows_;
};

}  // namespace tidegate::kernel
