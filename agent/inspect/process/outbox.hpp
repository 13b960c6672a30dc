// SPDX-License-Identifier: Apache-2.0
// Summaries on their way to the agent, live.
#pragma once

#include <vector>

#include "agent/inspect/model/summary.hpp"
#include "agent/inspect/process/payload_feed.hpp"
#include "agent/inspect/wire/channel.hpp"
#include "agent/inspect/wire/summary_codec.hpp"

namespace tidegate::inspect::process {

// Never blocks. What the agent does not take in time is kept, within a bound; beyond it summaries are dropped and
// counted. Used by one thread; several may share the channel.
class Outbox final : public SummarySink {
 public:
  static constexpr std::size_t kBatches = 32;

  // `payloads`: where those go; -1: nowhere.
  explicit Outbox(const wire::Channel& channel, int payloads = -1)
      : channel_(channel), payloads_(payloads, wire::Wait::kNo), batches_(1) {}

  std::uint64_t began() override { return ++begun_; }
  void finished(const Summary& summary) override;
  bool sampled(const Summary& summary, const Payload& payload) override { return payloads_.send(summary, payload); }
  // Sends what there is. False: the other side has gone.
  bool flush();
  // Since the last call.
  std::uint64_t take_dropped() { return std::exchange(dropped_, 0); }

 private:
  wire::SummaryBatch* writable();
  wire::SummaryBatch& at(std::size_t index) { return batches_[(first_ + index) % batches_.size()]; }

  const wire::Channel& channel_;
  PayloadFeed payloads_;
  std::vector<wire::SummaryBatch> batches_;  // a ring; grows to kBatches when the agent is slow
  std::size_t first_ = 0;
  std::size_t filled_ = 0;  // batches with something in them, from first_ on
  std::uint64_t begun_ = 0;
  std::uint64_t dropped_ = 0;
  bool gone_ = false;
};

}  // namespace tidegate::inspect::process
