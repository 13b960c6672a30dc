// SPDX-License-Identifier: Apache-2.0
// Hashes and keys of abi/hash.h that both sides compute.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

#include "tests/bpf_unit/stage.hpp"

namespace {

constexpr __u64 kHashSeed[4] = {0x0123456789abcdef, 0xfedcba9876543210, 0x0f1e2d3c4b5a6978, 0x1122334455667788};

tg_address v4(std::uint32_t a) { return {0, TG_V4_MAPPED | a}; }

TEST(Mask, EveryLengthClearsExactlyTheRest) {
  const tg_address ones{~0ULL, ~0ULL};
  for (unsigned length = 0; length <= 128; ++length) {
    const tg_address masked = tg_mask(ones, length);
    EXPECT_EQ(static_cast<unsigned>(__builtin_popcountll(masked.hi) + __builtin_popcountll(masked.lo)), length);
    EXPECT_EQ(tg_mask(masked, length).lo, masked.lo);
    EXPECT_TRUE(length == 0 || length > 64 || masked.hi >> (64 - length) == ~0ULL >> (64 - length)) << length;
  }
}

TEST(PrefixKey, IsNeverZeroAndTellsLengthsApart) {
  std::set<std::uint64_t> keys;
  for (unsigned length = 0; length <= 128; ++length) keys.insert(tg_prefix_key(kHashSeed, {0, 0}, length));
  for (unsigned length = 96; length <= 128; ++length) keys.insert(tg_prefix_key(kHashSeed, v4(0), length));
  EXPECT_EQ(keys.size(), 129U + 33U);
  EXPECT_FALSE(keys.contains(0));
}

TEST(PrefixKey, OfIpv4IsExact) {
  EXPECT_NE(tg_prefix_key(kHashSeed, v4(1), 128), tg_prefix_key(kHashSeed, v4(2), 128));
  EXPECT_EQ(tg_prefix_key(kHashSeed, v4(0xc0000201), 128) & 0xffffffff, 0xc0000201U);
}

TEST(WayKey, IsNeverZeroAndDiffersByService) {
  EXPECT_NE(tg_way_key(5, 5), 0U);
  EXPECT_NE(tg_way_key(5, 1), tg_way_key(5, 2));
}

TEST(Reduce, CoversItsRangeEvenly) {
  constexpr unsigned kSets = 8192, kKeys = 1 << 18;
  std::vector<unsigned> load(kSets);
  for (unsigned i = 0; i < kKeys; ++i) ++load[tg_way_set(kHashSeed, tg_way_key(v4(0x0a000000 + i).lo, 77), kSets)];
  double chi = 0;
  for (const unsigned n : load)
    chi += std::pow(n - kKeys / static_cast<double>(kSets), 2) / (kKeys / static_cast<double>(kSets));
  EXPECT_LT(std::abs(chi - kSets) / std::sqrt(2.0 * kSets), 5) << "neighbouring addresses must not crowd";
}

TEST(Filter, StaysInItsLine) {
  for (std::uint64_t i = 0; i < 10000; ++i) {
    const std::uint64_t hash = tg_prefix_hash(kHashSeed, i);
    EXPECT_LT(tg_filter_line_of(hash, 1024), 1024U);
    EXPECT_LT(tg_filter_bit(hash, 0), 512U);
    EXPECT_LT(tg_filter_bit(hash, 1), 512U);
    EXPECT_LT(tg_bucket_of(hash, 0, 1000), 1000U);
    EXPECT_LT(tg_bucket_of(hash, 1, 1000), 1000U);
  }
}

TEST(Reasons, DropAsTheListSays) {
#define TG_CLASS_IS_PASS false
#define TG_CLASS_IS_DROP true
#define TG_REASON(name, number, class, text) EXPECT_EQ(tg_reason_drops(number) != 0, TG_CLASS_IS_##class) << #name;
#include "bpf/abi/reasons.def"
#undef TG_REASON
}

}  // namespace
