// SPDX-License-Identifier: Apache-2.0
#include "agent/kernel/proven.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "bpf/stage/proven_bits.h"

namespace tidegate::kernel {
namespace {

constexpr std::uint32_t kAllLines = TG_PROVEN_LINES;

struct ProvenTest : testing::Test {
  std::vector<tg_proven_page> pages{TG_PROVEN_PAGES};
  tg_control control{};
  unsigned waits = 0;

  // As the handshake program does it, by a width that it may have read earlier.
  void prove(std::uint32_t number, std::uint32_t lines) {
    const std::uint64_t hash = tg_mix(number + 1);
    const std::uint32_t line = tg_proven_line(hash, lines);
    tg_proven_set(&pages[tg_proven_page_of(line)], line, control.proven_active, hash);
  }
  void prove_many(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) prove(i, control.proven_lines);
  }
  static bool test(const Proven& proven, std::uint32_t number) { return proven.test(tg_mix(number + 1)); }
  void widen(Proven& proven) {
    proven.widen_if_full([this] { ++waits; });
  }
};

TEST_F(ProvenTest, StartsWithFewLines) {
  const Proven proven(pages, control);
  EXPECT_EQ(control.proven_lines, Proven::kFewestLines);
  EXPECT_EQ(proven.bits(), 0U);
}

TEST_F(ProvenTest, TakesTheWholeMapWhenBitsAreThereAndNoWidthIs) {
  prove(1, kAllLines);
  const Proven proven(pages, control);
  EXPECT_EQ(control.proven_lines, kAllLines);
  EXPECT_TRUE(test(proven, 1));
}

TEST_F(ProvenTest, AdoptsTheWidthInUse) {
  control.proven_lines = 4 * Proven::kFewestLines;
  prove(1, control.proven_lines);
  EXPECT_TRUE(test(Proven(pages, control), 1));
  EXPECT_EQ(control.proven_lines, 4 * Proven::kFewestLines);
}

TEST_F(ProvenTest, RemembersForTwoGenerations) {
  Proven proven(pages, control);
  prove_many(100);
  proven.rotate();
  for (std::uint32_t i = 0; i < 100; ++i) EXPECT_TRUE(test(proven, i));
  prove(0, control.proven_lines);
  proven.rotate();
  EXPECT_TRUE(test(proven, 0));
  EXPECT_FALSE(test(proven, 1));
  proven.rotate();
  EXPECT_FALSE(test(proven, 0));
}

TEST_F(ProvenTest, WidensWhenASixteenthIsFullAndForgetsNobody) {
  Proven proven(pages, control);
  prove_many(4000);
  widen(proven);
  ASSERT_EQ(control.proven_lines, Proven::kFewestLines);
  prove_many(5000);
  widen(proven);
  EXPECT_EQ(control.proven_lines, 4 * Proven::kFewestLines);
  EXPECT_EQ(waits, 1U);
  for (std::uint32_t i = 0; i < 5000; ++i) ASSERT_TRUE(test(proven, i)) << i;
}

// A handshake program that read the width before it changed writes into the narrow table.
TEST_F(ProvenTest, KeepsWhoIsProvenWhileItWidens) {
  Proven proven(pages, control);
  prove_many(5000);
  proven.widen_if_full([this] {
    for (std::uint32_t i = 10'000; i < 10'200; ++i) prove(i, Proven::kFewestLines);
  });
  for (std::uint32_t i = 10'000; i < 10'200; ++i) ASSERT_TRUE(test(proven, i)) << i;
}

TEST_F(ProvenTest, FewStrangersPassForProven) {
  Proven proven(pages, control);
  for (std::uint32_t count = 0; count < 250'000; count += 2000) {
    for (std::uint32_t i = count; i < count + 2000; ++i) prove(i, control.proven_lines);
    widen(proven);
    unsigned strangers = 0;
    for (std::uint32_t i = 0; i < 20'000; ++i) strangers += test(proven, 1'000'000 + i) ? 1 : 0;
    ASSERT_LT(strangers, 12U) << count;
  }
  EXPECT_EQ(control.proven_lines, kAllLines);
  for (std::uint32_t i = 0; i < 250'000; ++i) ASSERT_TRUE(test(proven, i));
  widen(proven);
  EXPECT_EQ(control.proven_lines, kAllLines);
}

}  // namespace
}  // namespace tidegate::kernel
