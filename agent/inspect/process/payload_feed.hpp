// SPDX-License-Identifier: Apache-2.0
// Payloads on their way to the examiner.
#pragma once

#include <vector>

#include "agent/inspect/model/summary.hpp"
#include "agent/inspect/wire/channel.hpp"

namespace tidegate::inspect::process {

// Wait::kNo: what the examiner has no time for is not kept. What was sent is wiped here. Used by one thread; several
// may share the descriptor.
class PayloadFeed {
 public:
  // -1: there is no examiner.
  PayloadFeed(int descriptor, wire::Wait wait) : descriptor_(descriptor), wait_(wait) {}
  ~PayloadFeed() { wipe(); }
  PayloadFeed(const PayloadFeed&) = delete;
  PayloadFeed& operator=(const PayloadFeed&) = delete;

  bool serves() const { return descriptor_ >= 0; }
  // False: there is no room, or nobody who reads it.
  bool send(const Summary& summary, const Payload& payload);

 private:
  void wipe();

  int descriptor_;
  wire::Wait wait_;
  std::vector<std::byte> message_;  // its memory is used again
};

}  // namespace tidegate::inspect::process
