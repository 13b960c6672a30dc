// SPDX-License-Identifier: Apache-2.0
// Where the supervisor's thread and its callers meet.
#pragma once

#include <optional>
#include <string>

#include "agent/base/guarded.hpp"
#include "agent/base/unique_fd.hpp"
#include "agent/inspection/endpoint_figures.hpp"
#include "agent/inspection/plan.hpp"
#include "agent/inspection/supervisor.hpp"

namespace tidegate::inspection {

inline constexpr std::size_t kMostPublished = 256 << 10;  // bytes that wait for the thread

struct Supervisor::Shared {
  Shared(const Clock& system, UniqueFd wake_fd) : clock(system), wake_up(std::move(wake_fd)), endpoints(system) {}

  // To the thread.
  struct Inbox {
    std::optional<Plan> plan;
    std::string lines;         // published, whole
    bool takes_lines = false;  // the inspector runs
  };
  // From the thread.
  struct Board {
    Report report;  // `last_seen` of sources as of `time`
    MonotonicTime time{0};
    std::uint64_t published_dropped = 0;  // lines of KeyService that the inspector was not given
  };

  void wake() const;

  const Clock& clock;
  const UniqueFd wake_up;  // eventfd
  mutable Guarded<Inbox> inbox;
  mutable Guarded<Board> board;
  mutable Guarded<EndpointFigures> endpoints;
};

}  // namespace tidegate::inspection
