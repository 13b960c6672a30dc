// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/prefix_filter.hpp"

#include <gtest/gtest.h>

#include <random>

#include "bpf/abi/hash.h"

namespace tidegate::kernel {
namespace {

TEST(PrefixFilter, NeverHidesWhatWasAdded) {
  for (const std::size_t lines : {1U, 2U, 64U, 1024U}) {
    std::vector<tg_filter_line> memory(lines);
    PrefixFilter filter(memory);
    std::mt19937_64 random(7);
    std::vector<std::uint64_t> hashes(4000);
    for (auto& hash : hashes) filter.add(hash = random());
    for (const auto hash : hashes) ASSERT_TRUE(filter.may_contain(hash));
  }
}

TEST(PrefixFilter, TellsMostAbsentKeysApart) {
  std::vector<tg_filter_line> memory(1024);
  PrefixFilter filter(memory);
  std::mt19937_64 random(7);
  for (unsigned i = 0; i < 1024 * 512 / 16; ++i) filter.add(random());
  unsigned positives = 0;
  for (unsigned i = 0; i < 100'000; ++i) positives += filter.may_contain(random()) ? 1 : 0;
  EXPECT_LT(positives, 2500U);  // 16 bits an entry: 1.4 % expected
}

TEST(PrefixFilter, ARebuildDropsWhatWasNotAddedAgain) {
  std::vector<tg_filter_line> memory(64);
  PrefixFilter filter(memory);
  filter.add(tg_mix(1));
  filter.add(tg_mix(2));
  FilterRebuild rebuild(filter);
  rebuild.add(tg_mix(2));
  EXPECT_TRUE(filter.may_contain(tg_mix(1)));  // not before publish
  rebuild.publish();
  EXPECT_FALSE(filter.may_contain(tg_mix(1)));
  EXPECT_TRUE(filter.may_contain(tg_mix(2)));
}

}  // namespace
}  // namespace tidegate::kernel
