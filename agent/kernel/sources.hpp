// SPDX-License-Identifier: Apache-2.0
// What the datapath remembers of sources: buckets, and who completed a handshake.
#pragma once

#include <vector>

#include "agent/kernel/datapath.hpp"
#include "agent/kernel/maps.hpp"
#include "agent/kernel/service_slots.hpp"
#include "bpf/abi/config.h"

namespace tidegate::kernel {

// Reads are thread-safe, rotate_proven() is called by one thread at a time.
class Sources {
 public:
  static Result<Sources> open(const MapSet& maps, const tg_identity& identity, tg_control& control);

  // The buckets of a source, in those slots of `slots` in which it has one.
  std::vector<BucketState> buckets_of(const Address& source, const tg_host& host, const ServiceSlots& slots) const;
  bool is_proven(const Address& source, const tg_host& host) const;
  // Forgets who was proven in the older generation and writes that one from now on.
  void rotate_proven();

  std::uint64_t buckets_in_debt(MonotonicTime now) const;
  std::uint64_t bucket_capacity() const { return keys_.size() * TG_WAYS; }
  std::uint64_t fresh_flows(MonotonicTime now) const;
  std::uint64_t flow_capacity() const { return flows_.size() * TG_FLOW_WAYS; }
  std::uint64_t proven_bits() const;
  static std::uint64_t proven_bit_capacity();

 private:
  Sources(const tg_identity& identity, tg_control& control, MappedArray<tg_key_set> keys, MappedArray<tg_tat_set> tats,
          MappedArray<tg_flow_set> flows, MappedArray<tg_proven_page> proven)
      : identity_(identity),
        control_(&control),
        keys_(std::move(keys)),
        tats_(std::move(tats)),
        flows_(std::move(flows)),
        proven_(std::move(proven)) {}
  std::uint64_t prefix_of(const Address& source, const tg_host& host) const;
  std::uint64_t tweak_of(unsigned slot, const ServiceSlots& slots) const;

  tg_identity identity_;
  tg_control* control_;
  MappedArray<tg_key_set> keys_;
  MappedArray<tg_tat_set> tats_;
  MappedArray<tg_flow_set> flows_;
  MappedArray<tg_proven_page> proven_;
};

}  // namespace tidegate::kernel
