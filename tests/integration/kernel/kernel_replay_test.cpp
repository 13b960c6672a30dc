// SPDX-License-Identifier: Apache-2.0
// Replay: the real program with the capture's clock, apart from everything that is pinned.
#include <stdexcept>

#include "bpf/abi/reasons.h"
#include "tests/integration/kernel/fixture.hpp"

namespace tidegate::kernel {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

std::vector<std::byte> frame(const std::string& source) {
  const auto bytes = udp_frame(source, 53);
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
  return {data, data + bytes.size()};
}

class KernelReplay : public testing::Test {
 protected:
  void SetUp() override {
    if (!harness::can_isolate()) GTEST_SKIP() << harness::why_not();
    image_ = image_with_default(4);
    image_->services[4].packets = {.cost = 1'000'000'000, .burst = 2'000'000'000};  // two, then one a second
  }
  std::unique_ptr<Replay> open() {
    auto replay = Replay::open(*image_);
    if (!replay) throw std::runtime_error(replay.error().message);
    return std::move(*replay);
  }

  std::unique_ptr<policy::Image> image_;
};

TEST_F(KernelReplay, TheCapturesClockFillsTheBuckets) {
  const auto replay = open();
  const auto packet = frame("203.0.113.9");
  const auto verdict_at = [&](nanoseconds when) { return replay->run(packet, when).value(); };
  const seconds start(1'000'000);
  EXPECT_FALSE(verdict_at(start).dropped);
  EXPECT_FALSE(verdict_at(start).dropped);
  const auto third = verdict_at(start);
  EXPECT_TRUE(third.dropped);
  EXPECT_EQ(third.service, 4U);
  EXPECT_EQ(third.reason, unsigned{TG_REASON_PACKET_LIMIT});
  EXPECT_FALSE(verdict_at(start + seconds(1)).dropped);
  EXPECT_TRUE(verdict_at(start + seconds(1)).dropped);
}

TEST_F(KernelReplay, TwoReplaysShareNothing) {
  const auto packet = frame("203.0.113.9");
  for (int run = 0; run < 2; ++run) {
    const auto replay = open();
    EXPECT_FALSE(replay->run(packet, seconds(100))->dropped);
    EXPECT_FALSE(replay->run(packet, seconds(100))->dropped);
    EXPECT_TRUE(replay->run(packet, seconds(100))->dropped);
  }
}

TEST_F(KernelReplay, DryRunIsTold) {
  image_->services[4].packets = nothing_conforms();
  image_->services[4].flags = TG_SERVICE_DRY_RUN;
  const auto verdict = open()->run(frame("203.0.113.9"), seconds(100)).value();
  EXPECT_FALSE(verdict.dropped);
  EXPECT_TRUE(verdict.dry_run);
  EXPECT_EQ(verdict.reason, unsigned{TG_REASON_PACKET_LIMIT});
}

TEST_F(KernelReplay, AFrameShorterThanItsHeaderIsMalformed) {
  const auto replay = open();
  const auto packet = frame("203.0.113.9");
  for (const std::size_t size : {0U, 1U, 13U}) {
    const auto verdict = replay->run(std::span(packet).first(size), seconds(100));
    ASSERT_TRUE(verdict);
    EXPECT_TRUE(verdict->dropped);
    EXPECT_EQ(verdict->reason, unsigned{TG_REASON_MALFORMED_ETHERNET});
  }
}

TEST_F(KernelReplay, AJumboFrameIsReplayed) {
  auto packet = frame("203.0.113.9");
  packet.resize(9014);
  EXPECT_TRUE(open()->run(packet, seconds(100)));
}

}  // namespace
}  // namespace tidegate::kernel
