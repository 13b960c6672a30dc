// SPDX-License-Identifier: Apache-2.0
// Payloads on their way to the examiner, live.
#pragma once

#include <vector>

#include "agent/inspect/model/summary.hpp"

namespace tidegate::inspect::process {

// Never blocks: what the examiner has no time for is not kept. What was sent is wiped here. Used by one thread; several
// may share the descriptor.
class PayloadFeed {
 public:
  // -1: there is no examiner.
  explicit PayloadFeed(int descriptor) : descriptor_(descriptor) {}
  ~PayloadFeed() { wipe(); }
  PayloadFeed(const PayloadFeed&) = delete;
  PayloadFeed& operator=(const PayloadFeed&) = delete;

  // False: there is no room.
  bool send(const Summary& summary, const Payload& payload);

 private:
  void wipe();

  int descriptor_;
  std::vector<std::byte> message_;  // its memory is used again
};

}  // namespace tidegate::inspect::process
