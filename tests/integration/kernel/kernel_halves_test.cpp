// SPDX-License-Identifier: Apache-2.0
// When a half of the configuration is written, and what must have been waited for by then.
#include <bpf/bpf.h>

#include "agent/kernel/generations.hpp"
#include "agent/kernel/grace_period.hpp"
#include "bpf/abi/reasons.h"
#include "tests/integration/kernel/fixture.hpp"

namespace tidegate::kernel {
namespace {

class KernelHalves : public testing::Test {
 protected:
  void SetUp() override {
    if (!harness::can_isolate()) GTEST_SKIP() << harness::why_not();
    add("host", 2, sizeof(tg_host));
    add("services", 2 * TG_SERVICES, sizeof(tg_service));
    add("ranges", 2, sizeof(tg_service_table));
    add("sources", 2, sizeof(tg_address_table));
    add("destinations", 2, sizeof(tg_address_table));
    add("source_entries", 2 * TG_SOURCE_ENTRIES, sizeof(tg_source_entry));
    add("service_slots", TG_SERVICES, sizeof(tg_service_slot));
    add("fresh", TG_SERVICES, sizeof(tg_fresh));
    add("counters", TG_SERVICES * TG_REASON_SLOTS, sizeof(tg_counter));
  }
  void add(const char* name, unsigned entries, unsigned value_size) {
    maps_.add(name, UniqueFd(bpf_map_create(BPF_MAP_TYPE_ARRAY, name, 4, value_size, entries, nullptr)));
  }
  std::uint32_t generation_in(std::uint32_t half) const {
    tg_host host{};
    EXPECT_TRUE(maps_.read("host", half, &host));
    return host.generation;
  }
  // What was in force, and in the two halves, at each wait.
  struct Seen {
    std::uint32_t active;
    std::uint32_t halves[2];
  };
  Status note_wait() {
    seen_.push_back({control_.active, {generation_in(0), generation_in(1)}});
    return wait_result_;
  }

  MapSet maps_;
  tg_control control_{};
  std::vector<Seen> seen_;
  Status wait_result_;
};

TEST_F(KernelHalves, EachApplyFlipsThenWaitsForTheOldHalf) {
  auto generations = Generations::open(maps_, control_, [this] { return note_wait(); }).value();
  const auto image = image_with_default(0);
  ASSERT_TRUE(generations.apply(*image, {{"a", 0}}, 1));
  ASSERT_EQ(seen_.size(), 2U);
  EXPECT_EQ(seen_[0].active, 0U);  // an agent that died right after its flip may have left readers: nothing written yet
  EXPECT_EQ(seen_[0].halves[1], 0U);
  EXPECT_EQ(seen_[1].active, 1U);
  EXPECT_EQ(seen_[1].halves[1], 1U);

  ASSERT_TRUE(generations.apply(*image, {{"a", 0}}, 2));
  ASSERT_EQ(seen_.size(), 3U);
  EXPECT_EQ(seen_[2].active, 0U);
  EXPECT_EQ(seen_[2].halves[0], 2U);
  EXPECT_EQ(seen_[2].halves[1], 1U);  // what old readers still see is untouched
}

TEST_F(KernelHalves, AHalfIsNotWrittenWhileItMayBeRead) {
  auto generations = Generations::open(maps_, control_, [this] { return note_wait(); }).value();
  const auto image = image_with_default(0);
  ASSERT_TRUE(generations.apply(*image, {}, 1));
  wait_result_ = fail(ErrorCode::kInternal, "no grace period");
  EXPECT_FALSE(generations.apply(*image, {}, 2));  // flipped, but half 1 may still be read
  EXPECT_FALSE(generations.apply(*image, {}, 3));
  EXPECT_EQ(generation_in(1), 1U);
  EXPECT_EQ(control_.active, 0U);
  wait_result_ = {};
  EXPECT_TRUE(generations.apply(*image, {}, 4));
  EXPECT_EQ(generation_in(control_.active), 4U);
}

TEST(KernelGracePeriod, BothWaysOfWaitingWork) {
  if (!harness::can_isolate()) GTEST_SKIP() << harness::why_not();
  EXPECT_TRUE(wait_for_programs(true));
  EXPECT_TRUE(wait_for_programs(false));
}

}  // namespace
}  // namespace tidegate::kernel
