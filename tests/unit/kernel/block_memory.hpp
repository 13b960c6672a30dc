// SPDX-License-Identifier: Apache-2.0
// A block table over plain memory, and the lookup of the datapath over the same memory.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "agent/kernel/abi.hpp"
#include "agent/kernel/block_table.hpp"

namespace tidegate::kernel {

inline tg_identity test_identity() {
  tg_identity identity{};
  identity.magic = TG_IDENTITY_MAGIC;
  for (unsigned i = 0; i < 4; ++i) identity.seed[i] = tg_mix(0x1234567 + i);
  return identity;
}

struct BlockMemory {
  explicit BlockMemory(std::uint64_t entries)
      : buckets(BlockTable::buckets_for(entries)), filter(BlockTable::filter_lines_for(entries)) {}

  BlockTable::Memory view() {
    return {.buckets = buckets,
            .stash = &stash,
            .stash_count = &stash_count,
            .filter = filter,
            .filter_lines = &filter_lines};
  }

  // As the datapath searches, filter included; 0 when the key is not there.
  std::uint64_t expiry_seen_by_datapath(const Prefix& target) const {
    return expiry_seen_with_lines(target, filter_lines == 0 ? static_cast<std::uint32_t>(filter.size()) : filter_lines);
  }

  // The same by a packet that read the width of the filter earlier.
  std::uint64_t expiry_seen_with_lines(const Prefix& target, std::uint32_t lines) const {
    const auto identity = test_identity();
    const std::uint64_t key = prefix_key(identity, target);
    const std::uint64_t hash = tg_prefix_hash(identity.seed, key);
    const auto& line = filter[tg_filter_line_of(hash, lines)];
    for (unsigned which : {0U, 1U}) {
      const unsigned bit = tg_filter_bit(hash, which);
      if ((line.word[bit / 64] >> (bit % 64) & 1) == 0) return 0;
    }
    for (unsigned choice : {0U, 1U}) {
      const auto& bucket = buckets[tg_bucket_of(hash, choice, static_cast<std::uint32_t>(buckets.size()))];
      for (unsigned way = 0; way < TG_BLOCK_WAYS; ++way) {
        if (bucket.key[way] == key) return bucket.expires[way];
      }
    }
    for (unsigned i = 0; stash_count != 0 && i < TG_BLOCK_STASH; ++i) {
      if (stash.key[i] == key) return stash.expires[i];
    }
    return 0;
  }

  std::vector<tg_block_bucket> buckets;
  std::vector<tg_filter_line> filter;
  tg_block_stash stash{};
  std::uint32_t stash_count = 0;
  std::uint32_t filter_lines = 0;
};

// `expires` as the datapath has it: TG_NEVER is none.
inline BlockEntry until(const Prefix& target, std::uint64_t expires) {
  if (expires == TG_NEVER) return {target, std::nullopt};
  return {target, MonotonicTime(static_cast<MonotonicTime::rep>(expires))};
}

// Distinct hosts: even numbers are IPv4 in 10.0.0.0/8 order, odd ones IPv6 in 2001:db8::/32.
inline Prefix host(std::uint32_t number) {
  if (number % 2 == 0) return Prefix::host(Address::from_v4(0x0a000000U + number / 2));
  return Prefix::host(Address{0x20010db800000000ULL | number, number});
}

}  // namespace tidegate::kernel
