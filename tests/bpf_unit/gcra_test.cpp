// SPDX-License-Identifier: Apache-2.0
// Token arithmetic against an exact reference, and against the promise "never more than burst + rate * t".
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "tests/bpf_unit/stage.hpp"

namespace {

__extension__ using Wide = unsigned __int128;

// ITU-T I.371 in 128 bits, without any shortcut.
class Reference {
 public:
  Reference(std::uint64_t cost, std::uint64_t burst) : cost_(cost), burst_(burst) {}
  bool take(std::uint64_t now) {
    const Wide start = tat_ > now ? tat_ : now;
    if (start + cost_ - now > burst_) return false;
    tat_ = start + cost_;
    return true;
  }

 private:
  Wide tat_ = 0;
  std::uint64_t cost_, burst_;
};

struct Rates {
  std::uint64_t cost, burst;
};

class Gcra : public testing::TestWithParam<Rates> {};

TEST_P(Gcra, AgreesWithTheReferenceUnderRandomArrivals) {
  const auto [cost, burst] = GetParam();
  for (const std::uint64_t start : {0ULL, 1ULL << 32, (1ULL << 63) - 1000, (1ULL << 63) + 12345}) {
    std::mt19937_64 random(start + cost);
    Reference reference(cost, burst);
    std::uint64_t tat = 0, now = start;
    for (int i = 0; i < 20000; ++i) {
      now += random() % (2 * cost + 1) * (random() % 8 == 0 ? 5 : 0);
      const std::uint64_t next = tg_gcra(tat, now, cost, burst, TG_CLOCK_SLACK);
      ASSERT_EQ(next != 0, reference.take(now)) << "packet " << i << " at " << now;
      if (next != 0) tat = next;
    }
  }
}

TEST_P(Gcra, NeverAdmitsMoreThanBurstAndRate) {
  const auto [cost, burst] = GetParam();
  std::mt19937_64 random(cost ^ burst);
  std::uint64_t tat = 0, now = 1'000'000'000, start = now, passed = 0;
  for (int i = 0; i < 50000; ++i) {
    now += random() % (cost / 4 + 2);
    const std::uint64_t next = tg_gcra(tat, now, cost, burst, TG_CLOCK_SLACK);
    if (next == 0) continue;
    tat = next;
    ++passed;
    ASSERT_LE(static_cast<Wide>(passed) * cost, static_cast<Wide>(burst) + (now - start));
  }
}

// Two clocks, one always behind by up to a jiffy, in any interleaving: still never more than burst + rate * t.
TEST_P(Gcra, AClockThatLagsNeverAdmitsMore) {
  const auto [cost, burst] = GetParam();
  std::mt19937_64 random(7);
  std::uint64_t tat = 0, now = 1'000'000'000, start = now, passed = 0;
  for (int i = 0; i < 50000; ++i) {
    now += random() % (cost / 4 + 2);
    const std::uint64_t seen = random() % 2 == 0 ? now : now - random() % 10'000'000;
    const std::uint64_t next = tg_gcra(tat, seen, cost, burst, TG_CLOCK_SLACK);
    if (next == 0) continue;
    tat = next;
    ++passed;
    ASSERT_LE(static_cast<Wide>(passed) * cost, static_cast<Wide>(burst) + (now - start));
  }
}

INSTANTIATE_TEST_SUITE_P(Rates, Gcra,
                         testing::Values(Rates{1, 100'000'000}, Rates{1000, 100'000'000}, Rates{10'000, 1'000'000'000},
                                         Rates{100'000'000, 1'000'000'000}, Rates{1'000'000'000, 1'000'000'000},
                                         Rates{3'600'000'000'000, 36'000'000'000'000}, Rates{7919, 104'729'000}));

TEST(GcraEdges, ACostBeyondTheBurstNeverConforms) { EXPECT_EQ(tg_gcra(0, 1000, 11, 10, TG_CLOCK_SLACK), 0U); }

TEST(GcraEdges, ATatFromAWiderLimitIsForgivenToOneBurst) {
  const std::uint64_t now = 1'000'000'000'000, hour = 3'600'000'000'000;
  const std::uint64_t next = tg_gcra(now + hour, now, 1000, 100'000, TG_CLOCK_SLACK);
  EXPECT_EQ(next, now + 100'000) << "room for exactly one more";
  EXPECT_EQ(tg_gcra(next, now, 1000, 100'000, TG_CLOCK_SLACK), 0U);
  EXPECT_EQ(tg_gcra(now + hour, now, 1000, 100'000, TG_NO_CLAMP), 0U) << "unless the bucket is shared";
}

TEST(GcraEdges, ATatWithinTheSkewOfClocksIsNotForgiven) {
  const std::uint64_t now = 1'000'000'000'000;
  EXPECT_EQ(tg_gcra(now + 100'000 + TG_CLOCK_SLACK, now, 1000, 100'000, TG_CLOCK_SLACK), 0U);
}

TEST(GcraEdges, NothingOverflowsAtTheBoundsOfThePolicy) {
  const std::uint64_t most = (1ULL << 62) - 1, now = (1ULL << 63) - 1;
  EXPECT_EQ(tg_gcra(0, now, most, most, TG_CLOCK_SLACK), now + most);
  EXPECT_EQ(tg_byte_cost((1ULL << 46) - 1, (1U << 17)),
            ((static_cast<Wide>(1) << 46) - 1) * (1U << 17) >> TG_BYTE_SHIFT);
}

TEST(Take, CostsNothingWithoutALimit) {
  __u64 tat = 5;
  const tg_rate none{0, 0};
  EXPECT_EQ(tg_take(&tat, &none, 1000), TG_COMMITTED);
  EXPECT_EQ(tat, 5U);
}

TEST(Take, IsExactAcrossThreads) {
  __u64 tat = 0;
  const tg_rate rate{1'000'000, 5000ULL * 1'000'000};
  std::atomic<unsigned> passed{0}, contended{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 20000; ++i) {
          switch (tg_take(&tat, &rate, 1'000'000'000)) {
            case TG_COMMITTED:
              ++passed;
              break;
            case TG_CONTENDED:
              ++contended;
              break;
            default:
              break;
          }
        }
      });
    }
  }
  EXPECT_LE(passed.load(), 5000U);
  EXPECT_GE(passed.load() + contended.load(), 5000U);
}

tg_bill bill(std::uint64_t packets, std::uint64_t bytes, std::uint64_t syn) {
  return {{packets, 1000}, {bytes, 1000}, {syn, 1000}};
}

TEST(Charge, ChecksAllBeforeItCommitsAny) {
  tg_tats tats{};
  const tg_bill too_long = bill(10, 1001, 10), too_many_syns = bill(10, 10, 1001);
  EXPECT_EQ(tg_charge(&tats, &too_long, 5000, TG_CLOCK_SLACK), static_cast<__u32>(TG_REASON_BYTE_LIMIT));
  EXPECT_EQ(tg_charge(&tats, &too_many_syns, 5000, TG_CLOCK_SLACK), static_cast<__u32>(TG_REASON_SYN_LIMIT));
  EXPECT_EQ(tats.packets, 0U);
  EXPECT_EQ(tats.bytes, 0U);
  EXPECT_EQ(tats.syn, 0U);
  const tg_bill good = bill(10, 20, 30);
  EXPECT_EQ(tg_charge(&tats, &good, 5000, TG_CLOCK_SLACK), static_cast<__u32>(TG_REASON_PASSED));
  EXPECT_EQ(tats.packets, 5010U);
  EXPECT_EQ(tats.bytes, 5020U);
  EXPECT_EQ(tats.syn, 5030U);
}

TEST(Charge, OnlySynsPayForSyns) {
  const tg_rate packets{10, 100}, bytes{1 << TG_BYTE_SHIFT, 100}, syn{7, 100};
  tg_bill b{};
  tg_bill_of(&b, &packets, &bytes, &syn, 60, 0);
  EXPECT_EQ(b.syn.cost, 0U);
  EXPECT_EQ(b.bytes.cost, 60U);
  tg_bill_of(&b, &packets, &bytes, &syn, 60, TG_PACKET_SYN);
  EXPECT_EQ(b.syn.cost, 7U);
}

}  // namespace
