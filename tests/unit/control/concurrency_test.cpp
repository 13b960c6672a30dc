// SPDX-License-Identifier: Apache-2.0
// Everything at once, for ThreadSanitizer: commands, periodic work and readers on threads of their own.
#include <atomic>
#include <thread>

#include "tests/unit/control/fixture.hpp"

namespace tidegate::control {
namespace {

class ConcurrencyTest : public testing::ControlTest {};

TEST_F(ConcurrencyTest, CommandsPeriodicWorkAndReaders) {
  apply_first();
  constexpr int kRounds = 20;
  auto block = [&](int worker) {
    for (int round = 0; round < kRounds; ++round) {
      const std::string target = "203.0.113." + std::to_string(worker * kRounds + round);
      EXPECT_TRUE(controllers_->decisions.block(targets({target})));
      if (round % 2 == 0) {
        EXPECT_TRUE(controllers_->decisions.unblock({target}, "uid:0"));
      }
    }
  };
  std::vector<std::thread> threads;
  threads.emplace_back(block, 1);
  threads.emplace_back(block, 2);
  threads.emplace_back([&] {
    for (int round = 0; round < kRounds; ++round) {
      EXPECT_TRUE(controllers_->policy.apply(request(round % 2 ? testing::kPolicy : testing::kOtherPolicy)));
    }
  });
  threads.emplace_back([&] {
    decisions::NewSafelistEntry entry;
    entry.prefix = *Prefix::parse("198.51.100.77");
    for (int round = 0; round < kRounds; ++round) {
      EXPECT_TRUE(controllers_->safelist.add({entry}));
      EXPECT_TRUE(controllers_->safelist.remove({.targets = {"198.51.100.77"}, .actor = "uid:0"}));
    }
  });
  threads.emplace_back([&] {
    for (int round = 0; round < kRounds; ++round) {
      EXPECT_TRUE(controllers_->decisions.tick());
      EXPECT_TRUE(controllers_->policy.revert_overdue());
      controllers_->attach.watch();
      telemetry_->snapshot(datapath_.counters());
      tg_event event{};
      event.source = {0, TG_V4_MAPPED | static_cast<std::uint32_t>(round)};
      event.weight_packets = 1;
      telemetry_->ingest(event);
    }
  });
  threads.emplace_back([&] {
    for (int round = 0; round < kRounds; ++round) {
      controllers_->status.refresh();
      EXPECT_FALSE(controllers_->status.report().version.empty());
      EXPECT_TRUE(controllers_->why.explain("203.0.113.20"));
      EXPECT_LE(telemetry_->top_sources(10).size(), 10U);
    }
  });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(datapath_.blocks.size(), controllers_->decisions.count());
  EXPECT_EQ(datapath_.generations.back(), recorded_generation());
}

}  // namespace
}  // namespace tidegate::control
