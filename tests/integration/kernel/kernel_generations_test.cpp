// SPDX-License-Identifier: Apache-2.0
// One generation per packet; slots, secrets and counters across changes of the policy.
#include <linux/bpf.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>

#include "bpf/abi/reasons.h"
#include "tests/integration/kernel/fixture.hpp"

namespace tidegate::kernel {
namespace {

class KernelGenerations : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    net_->world().sh("ip link set dev eth0 down");  // only the packets of the test are counted
    datapath_ = open();
    ASSERT_TRUE(attach(*datapath_).attached);
    program_.emplace(pin("link_eth0"));
  }
  void TearDown() override {
    program_.reset();
    datapath_.reset();
    KernelTest::TearDown();
  }
  void apply(const policy::Image& image, const std::map<std::string, unsigned>& slots, std::uint32_t generation) {
    const auto status = datapath_->apply(image, slots, generation);
    ASSERT_TRUE(status) << status.error().message;
  }
  unsigned verdict(const std::string& source = "203.0.113.9") const { return program_->run(udp_frame(source, 53)); }
  std::uint64_t packets(unsigned slot) const {
    std::uint64_t sum = 0;
    const auto counters = datapath_->counters();
    for (unsigned reason = 0; reason < TG_REASON_SLOTS; ++reason) {
      const auto& counter = counters.by_service_reason[slot * TG_REASON_SLOTS + reason];
      sum += counter.passed_packets + counter.dropped_packets;
    }
    return sum;
  }

  std::unique_ptr<Datapath> datapath_;
  std::optional<LinkedProgram> program_;
};

TEST_F(KernelGenerations, BeforeTheFirstEverythingPasses) {
  EXPECT_EQ(datapath_->active_generation(), 0U);
  EXPECT_EQ(verdict(), unsigned{XDP_PASS});
  EXPECT_EQ(packets(TG_SERVICE_NONE), 1U);
}

TEST_F(KernelGenerations, ANewGenerationHoldsWhenApplyReturns) {
  auto image = image_with_default(4);
  image->services[4].packets = nothing_conforms();
  apply(*image, {{"api", 4}}, 1);
  EXPECT_EQ(verdict(), unsigned{XDP_DROP});
  apply(*image_with_default(4), {{"api", 4}}, 2);
  EXPECT_EQ(verdict(), unsigned{XDP_PASS});
  EXPECT_EQ(datapath_->active_generation(), 2U);
}

TEST_F(KernelGenerations, AServiceKeepsItsCountersANewOwnerStartsAtZero) {
  apply(*image_with_default(4), {{"api", 4}}, 1);
  verdict();
  apply(*image_with_default(4), {{"api", 4}}, 2);
  verdict();
  EXPECT_EQ(packets(4), 2U);
  apply(*image_with_default(4), {{"web", 4}}, 3);
  EXPECT_EQ(packets(4), 0U);
  EXPECT_EQ(datapath_->slots(), (std::map<std::string, unsigned>{{"web", 4}}));
}

TEST_F(KernelGenerations, ANewOwnerHasNoneOfTheBucketsOfTheLast) {
  auto image = image_with_default(4);
  image->services[4].packets = {.cost = 1'000'000'000, .burst = 1'000'000'000};  // one, then one a second
  const auto source = Address::parse("203.0.113.9").value();
  apply(*image, {{"api", 4}}, 1);
  EXPECT_EQ(verdict(), unsigned{XDP_PASS});
  EXPECT_EQ(verdict(), unsigned{XDP_DROP});
  EXPECT_EQ(datapath_->buckets_of(source).size(), 1U);
  apply(*image, {{"web", 4}}, 2);
  EXPECT_TRUE(datapath_->buckets_of(source).empty());
  EXPECT_EQ(verdict(), unsigned{XDP_PASS});
}

TEST_F(KernelGenerations, AServiceThatCameBackIsANewOne) {
  apply(*image_with_default(4), {{"api", 4}}, 1);
  verdict();
  apply(*image_with_default(TG_SERVICE_NONE), {}, 2);
  EXPECT_EQ(packets(4), 1U);  // what was counted stays readable until the slot has a new owner
  apply(*image_with_default(4), {{"api", 4}}, 3);
  EXPECT_EQ(packets(4), 0U);
}

TEST_F(KernelGenerations, ASlotOutsideThePolicysIsRefusedAndNothingChanges) {
  apply(*image_with_default(4), {{"api", 4}}, 1);
  const auto status = datapath_->apply(*image_with_default(4), {{"api", TG_SERVICE_REPLIES}}, 2);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(datapath_->active_generation(), 1U);
  EXPECT_EQ(datapath_->slots(), (std::map<std::string, unsigned>{{"api", 4}}));
}

// In generation A service 1 passes all and 2 nothing, in B the reverse, and each sends packets to the one that passes.
// A packet that saw half of each would be dropped; one that was counted nowhere would be missing from the sum.
TEST_F(KernelGenerations, ReloadUnderLoadLosesAndLeaksNoPacket) {
  const std::map<std::string, unsigned> owners{{"one", 1}, {"two", 2}};
  const auto a = image_with_default(1);
  a->services[2].packets = nothing_conforms();
  const auto b = image_with_default(2);
  b->services[1].packets = nothing_conforms();
  apply(*a, owners, 1);
  ASSERT_TRUE(datapath_->put_blocks(std::vector<BlockEntry>{{prefix("198.51.100.0/24"), std::nullopt}}));

  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> good = 0, lost = 0, blocked = 0, leaked = 0;
  const auto flow = [&](const char* source, unsigned wanted, std::atomic<std::uint64_t>& right,
                        std::atomic<std::uint64_t>& wrong) {
    const auto frame = udp_frame(source, 53);
    while (!stop) (program_->run(frame) == wanted ? right : wrong)++;
  };
  {
    std::jthread passing([&] { flow("203.0.113.9", XDP_PASS, good, lost); });
    std::jthread dropping([&] { flow("198.51.100.9", XDP_DROP, blocked, leaked); });
    for (std::uint32_t generation = 2; generation < 200; ++generation) {
      apply(generation % 2 == 0 ? *b : *a, owners, generation);
    }
    stop = true;
  }
  EXPECT_EQ(lost, 0U);
  EXPECT_EQ(leaked, 0U);
  EXPECT_GT(good, 1000U);
  EXPECT_EQ(packets(1) + packets(2), good);
  EXPECT_EQ(packets(TG_SERVICE_NONE), blocked);
}

TEST_F(KernelGenerations, AHundredServicesApplyWithinFiftyMilliseconds) {
  std::map<std::string, unsigned> owners;
  for (unsigned slot = 0; slot < 100; ++slot) owners.emplace("service " + std::to_string(slot), slot);
  const auto image = image_with_default(0);
  apply(*image, owners, 1);
  std::vector<double> milliseconds;
  for (std::uint32_t generation = 2; generation < 12; ++generation) {
    const auto start = std::chrono::steady_clock::now();
    apply(*image, owners, generation);
    milliseconds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::sort(milliseconds);
  std::cout << "apply of 100 services, ms: median " << milliseconds[5] << ", worst " << milliseconds.back() << '\n';
  EXPECT_LT(milliseconds[5], 50);
}

}  // namespace
}  // namespace tidegate::kernel
