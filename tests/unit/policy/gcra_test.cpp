// SPDX-License-Identifier: Apache-2.0
#include "bpf/stage/gcra.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/policy/compile.hpp"
#include "agent/policy/rates.hpp"
#include "tests/unit/policy/make.hpp"

namespace tidegate::policy {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::HasSubstr;

constexpr std::chrono::nanoseconds kTick{4'000'000};
constexpr std::uint64_t kStart = 1'000'000'000'000;

// One unit, as the datapath charges it.
bool conforms(__u64& tat, std::uint64_t now, std::uint64_t cost, std::uint64_t burst) {
  const tg_rate rate{.cost = cost, .burst = burst};
  return tg_take(&tat, &rate, now) == TG_COMMITTED;
}

// Packets that pass when `offered` arrive evenly over `duration`.
std::uint64_t accepted(const tg_rate& rate, std::chrono::nanoseconds duration, std::uint64_t offered) {
  __u64 tat = 0;
  std::uint64_t passed = 0;
  for (std::uint64_t i = 0; i < offered; ++i) {
    const auto at = static_cast<std::uint64_t>(duration.count()) / offered * i;
    passed += conforms(tat, kStart + at, rate.cost, rate.burst) ? 1 : 0;
  }
  return passed;
}

std::string error_of(const Rate& rate, std::optional<std::uint64_t> burst, bool is_bytes) {
  const auto result = to_gcra(rate, burst, is_bytes, kTick);
  return result ? "" : result.error().message;
}

TEST(Gcra, AcceptsTheBurstPlusTheRateAndNotLessThan99Percent) {
  for (const std::uint64_t rate : {10ULL, 1000ULL, 100'000ULL}) {
    const std::uint64_t burst = rate;
    const auto gcra = to_gcra(per_second(rate), burst, false, kTick).value();
    const std::uint64_t passed = accepted(gcra, std::chrono::seconds(3), rate * 20);
    EXPECT_LE(passed, burst + rate * 3) << rate;
    EXPECT_GE(passed, (burst + rate * 3) * 99 / 100) << rate;
  }
}

TEST(Gcra, AnIdleSourceMaySendExactlyItsBurstAtOnce) {
  const auto gcra = to_gcra(per_second(2000), 4000, false, kTick).value();
  __u64 tat = 0;
  unsigned passed = 0;
  while (conforms(tat, kStart, gcra.cost, gcra.burst)) ++passed;
  EXPECT_EQ(passed, 4000U);
}

TEST(Gcra, CostIsRoundedUpSoThatNeverMoreThanTheRatePasses) {
  EXPECT_EQ(to_gcra(per_second(3), {}, false, kTick)->cost, 333'333'334U);
  EXPECT_EQ(to_gcra({1, hours(1)}, {}, false, kTick)->cost, 3'600'000'000'000U);
}

TEST(Gcra, BytesAreFixedPoint) {
  const auto gcra = to_gcra(per_second(20'000'000), 40'000'000, true, kTick).value();
  EXPECT_EQ(gcra.cost, 50ULL << TG_BYTE_SHIFT);
  EXPECT_EQ(gcra.burst, 2'000'000'000U);
}

TEST(Gcra, ByteCostTimesTheLargestFrameDoesNotOverflow) {
  const auto slowest = to_gcra(per_second(15), {}, true, kTick).value();
  std::uint64_t product = 0;
  EXPECT_FALSE(__builtin_mul_overflow(slowest.cost, 65'535ULL + 40, &product));
  EXPECT_THAT(error_of(per_second(14), {}, true), HasSubstr("too slow to be represented; use at least 15B/s"));
  EXPECT_THAT(error_of({1, hours(1)}, {}, true), HasSubstr("too slow"));
}

TEST(Gcra, AnOmittedBurstIsOneSecondsWorth) {
  EXPECT_EQ(to_gcra(per_second(1000), {}, false, kTick)->burst, 1'000'000'000U);
  EXPECT_EQ(to_gcra(per_second(20'000'000), {}, true, kTick)->burst, 1'000'000'000U);
}

TEST(Gcra, AnOmittedBurstHoldsAtLeastOnePacketAndOneFrame) {
  const auto slow = to_gcra({1, minutes(1)}, {}, false, kTick).value();
  EXPECT_EQ(slow.burst, slow.cost);
  const auto bytes = to_gcra(per_second(1000), {}, true, kTick).value();
  EXPECT_EQ(bytes.burst, kJumboFrame * 1'000'000);
}

TEST(Gcra, AnOmittedBurstOfAnOddRateHoldsTheWholeSecond) {
  const auto gcra = to_gcra(per_second(7), {}, false, kTick).value();
  EXPECT_GE(gcra.burst, gcra.cost * 7);
}

TEST(Gcra, ARateThatRoundsByMoreThanOnePercentIsRefused) {
  EXPECT_EQ(error_of(per_second(10'000'000), {}, false), "");
  EXPECT_EQ(error_of(per_second(500'000'000), {}, false), "");  // exactly 2 ns
  EXPECT_THAT(error_of(per_second(300'000'000), {}, false), HasSubstr("too fast to be represented within 1 %"));
  EXPECT_THAT(error_of(per_second(2'000'000'000), {}, false), HasSubstr("too fast"));
  EXPECT_EQ(error_of(per_second(10'000'000'000), {}, true), "");
  EXPECT_NE(error_of(per_second(1ULL << 62), {}, true), "");
}

TEST(Gcra, BurstsBelowTwoTicksAreRefusedAndTheLeastIsNamed) {
  EXPECT_EQ(error_of(per_second(2000), 16, false), "");
  EXPECT_EQ(error_of(per_second(2000), 15, false),
            "burst 15 at 2000/s lasts less than 8 ms, two ticks of the datapath's clock; use at least 16");
  EXPECT_THAT(error_of(per_second(1'000'000'000), 1'000'000, true), HasSubstr("use at least 8MB"));
}

TEST(Gcra, ByteBurstsBelowOneFrameAreRefused) {
  EXPECT_EQ(error_of(per_second(1000), 1518, true), "");
  EXPECT_THAT(error_of(per_second(1000), 1517, true), HasSubstr("smaller than one frame"));
}

TEST(Gcra, BurstsThatOverflowAreRefused) {
  EXPECT_THAT(error_of({1, hours(1)}, 1'000'000'000'000, false), HasSubstr("cannot be represented"));
  EXPECT_THAT(error_of(per_second(15), ~0ULL, true), HasSubstr("cannot be represented"));
}

TEST(Gcra, ARateOfNothingIsRefused) { EXPECT_NE(error_of(per_second(0), {}, false), ""); }

TEST(Gcra, SharesAddUpAndAShareOfNothingAdmitsNothing) {
  const auto quarter = share_of(per_second(20'000), 0.25, kTick).value();
  const auto rest = share_of(per_second(20'000), 0.75, kTick).value();
  EXPECT_EQ(quarter.cost, 200'000U);
  EXPECT_EQ(rest.cost, 66'667U);
  const auto none = share_of(per_second(20'000), 0, kTick).value();
  __u64 tat = 0;
  EXPECT_NE(none.cost, 0U) << "a cost of 0 would be unlimited";
  EXPECT_FALSE(conforms(tat, kStart, none.cost, none.burst));
}

TEST(Gcra, ASmallShareOfASmallRateKeepsItsFraction) {
  EXPECT_EQ(share_of(per_second(1), 0.25, kTick)->cost, 4'000'000'000U);
}

}  // namespace
}  // namespace tidegate::policy
