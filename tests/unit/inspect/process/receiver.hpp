// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "agent/inspect/wire/channel.hpp"
#include "agent/inspect/wire/summary_codec.hpp"

namespace tidegate::inspect::process {

// Both ends of a channel; what comes out at the agent's.
class ChannelFixture : public testing::Test {
 protected:
  ChannelFixture() {
    auto ends = wire::Channel::pair();
    agent_.emplace(std::move(ends->first));
    inspector_.emplace(std::move(ends->second));
  }
  // Sequence numbers of the summaries that are there.
  std::vector<std::uint64_t> received() {
    std::vector<std::uint64_t> sequences;
    while (true) {
      auto message = agent_->receive(wire::Wait::kNo);
      if (!message || !*message) return sequences;
      const auto decoded = wire::decode_to_agent((*message)->message);
      wire::SummaryReader reader(std::get<wire::Summaries>(*decoded).records);
      for (Summary summary; reader.next(summary);) sequences.push_back(summary.sequence);
      EXPECT_TRUE(reader.complete());
    }
  }
  static Summary summary(std::uint64_t sequence, std::size_t path = 10) {
    Summary made;
    made.sequence = sequence;
    made.path.assign(path, 'p');
    return made;
  }
  std::optional<wire::Channel> agent_;
  std::optional<wire::Channel> inspector_;
};

}  // namespace tidegate::inspect::process
