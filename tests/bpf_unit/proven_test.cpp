// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <vector>

#include "tests/bpf_unit/stage.hpp"

namespace {

constexpr __u64 kProvenSeed[4] = {1, 2, 3, 0xabcdef};

class Filter {
 public:
  explicit Filter(std::uint32_t lines) : lines_(lines) {}

  bool test(std::uint64_t prefix) const {
    const std::uint32_t line = line_of(prefix);
    return tg_proven_test(&pages_[tg_proven_page_of(line)], line, tg_proven_hash(kProvenSeed, prefix)) != 0;
  }
  void set(std::uint64_t prefix, unsigned generation = 0) {
    const std::uint32_t line = line_of(prefix);
    tg_proven_set(&pages_[tg_proven_page_of(line)], line, generation, tg_proven_hash(kProvenSeed, prefix));
  }
  void clear(unsigned generation) {
    for (tg_proven_page& page : pages_) tg_proven_clear(&page, generation);
  }

 private:
  std::uint32_t line_of(std::uint64_t prefix) const {
    return tg_proven_line(tg_proven_hash(kProvenSeed, prefix), lines_);
  }

  std::uint32_t lines_;
  std::vector<tg_proven_page> pages_ = std::vector<tg_proven_page>(TG_PROVEN_PAGES);
};

TEST(Proven, WhatWasSetIsFoundUntilItsGenerationIsForgotten) {
  for (const unsigned generation : {0U, 1U}) {
    Filter filter(TG_PROVEN_LINES);
    for (std::uint64_t i = 0; i < 1000; ++i) filter.set(i * 977, generation);
    filter.clear(generation ^ 1);
    for (std::uint64_t i = 0; i < 1000; ++i) EXPECT_TRUE(filter.test(i * 977));
    filter.clear(generation);
    for (std::uint64_t i = 0; i < 1000; ++i) EXPECT_FALSE(filter.test(i * 977));
  }
}

TEST(Proven, HundredThousandsOfSourcesLeaveFewFalseOnes) {
  Filter filter(TG_PROVEN_LINES);
  for (std::uint64_t i = 0; i < 1'000'000; ++i) filter.set(TG_V4_MAPPED | i, i % 2);
  unsigned wrong = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) wrong += filter.test(TG_V4_MAPPED | (0xc0000000 + i)) ? 1 : 0;
  EXPECT_LT(wrong, 1000U) << "of 100,000: a spoofed source passes for proven in less than 1 %";
}

TEST(Proven, LinesAndWordsStayInTheirPages) {
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const std::uint64_t hash = tg_proven_hash(kProvenSeed, i);
    for (std::uint32_t lines = 64; lines <= TG_PROVEN_LINES; lines *= 4) {
      const std::uint32_t line = tg_proven_line(hash, lines);
      ASSERT_LT(line, lines);
      ASSERT_LT(tg_proven_page_of(line), static_cast<unsigned>(TG_PROVEN_PAGES));
      for (unsigned which = 0; which < TG_PROVEN_BITS; ++which)
        ASSERT_LT(tg_proven_word(line, hash, which) | TG_PROVEN_WORDS, TG_PROVEN_PAGE / 8U);
    }
  }
}

}  // namespace
