// SPDX-License-Identifier: Apache-2.0
// Summaries in the order in which their requests began, offline.
#pragma once

#include <deque>
#include <vector>

#include "agent/inspect/model/summary.hpp"
#include "agent/inspect/process/payload_feed.hpp"
#include "agent/inspect/wire/channel.hpp"
#include "agent/inspect/wire/summary_codec.hpp"

namespace tidegate::inspect::process {

// A summary waits for those that began before it. Behind one that does not end, at most kMostOpen requests and
// kMostBytes wait; then it loses its turn, and comes when it ends. Blocks while the reader is busy. Used by one thread.
class OrderedOutbox final : public SummarySink {
 public:
  static constexpr std::size_t kMostOpen = 1'000'000;
  static constexpr std::size_t kMostBytes = 64 << 20;

  // `payloads`: where those go; -1: nowhere.
  explicit OrderedOutbox(const wire::Channel& channel, int payloads = -1, std::size_t most_open = kMostOpen)
      : channel_(channel), payloads_(payloads, wire::Wait::kYes), most_open_(most_open) {}

  std::uint64_t began() override;
  void finished(const Summary& summary) override;
  // Goes to the examiner, and takes a turn of its own: a summary of kind kPayload without findings, by whose sequence
  // number the reader finds what the examiner says.
  bool sampled(const Summary& summary, const Payload& payload) override;
  // Everything that is there, in order; for the end.
  void finish();
  // False: the reader has gone, and nothing is worth doing any more.
  bool connected() const { return connected_; }
  std::size_t waiting_bytes() const { return bytes_; }

 private:
  struct Turn {
    std::vector<std::byte> record;  // empty: it has not ended
    bool sent = false;              // there is nothing to wait for
  };

  void pass_on();
  void skip_first();
  void flush();

  const wire::Channel& channel_;
  PayloadFeed payloads_;
  std::size_t most_open_;
  wire::SummaryBatch batch_;
  std::deque<Turn> turns_;
  std::uint64_t first_ = 1;  // the sequence number of turns_.front()
  std::size_t bytes_ = 0;
  bool connected_ = true;
};

}  // namespace tidegate::inspect::process
