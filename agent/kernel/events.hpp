// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "agent/base/error.hpp"
#include "bpf/abi/event.h"

struct ring_buffer;

namespace tidegate::kernel {

// The consumer of the pinned ring of sampled packets; its position lives in the ring, so that an adopted one goes on
// where the last agent stopped. Not thread-safe.
class EventReader {
 public:
  using Sink = std::function<void(const tg_event&)>;
  // `fd`: of the ring buffer map; only needed during the call.
  static Result<std::unique_ptr<EventReader>> open(int fd);

  // Hands over a copy of each event that is there. Returns their number.
  Result<std::size_t> drain(const Sink& sink);

 private:
  struct Free {
    void operator()(ring_buffer* ring) const;
  };
  EventReader() = default;
  static int receive(void* self, void* data, std::size_t size);

  std::unique_ptr<ring_buffer, Free> ring_;
  const Sink* sink_ = nullptr;
};

}  // namespace tidegate::kernel
