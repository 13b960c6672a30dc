// SPDX-License-Identifier: Apache-2.0
// The policy in force: two halves, one index, one grace period.
#pragma once

#include <functional>

#include "agent/kernel/maps.hpp"
#include "agent/kernel/service_slots.hpp"
#include "agent/policy/compile.hpp"
#include "bpf/abi/config.h"
#include "bpf/abi/state.h"

namespace tidegate::kernel {

// Not thread-safe. `maps`, `control` outlive it.
class Generations {
 public:
  // `wait` returns when programs that were running have ended.
  static Result<Generations> open(const MapSet& maps, tg_control& control, std::function<Status()> wait);

  // Writes the half that is not in force and flips. An error leaves the present generation as it is; the one exception,
  // a failed wait after the flip, is retried before the next write.
  Status apply(const policy::Image& image, const SlotOwners& owners, std::uint32_t generation);

  const tg_host& host() const { return host_; }  // of the half in force
  const ServiceSlots& slots() const { return slots_; }

 private:
  Generations(const MapSet& maps, tg_control& control, std::function<Status()> wait, ServiceSlots slots)
      : maps_(&maps), control_(&control), wait_(std::move(wait)), slots_(std::move(slots)) {}
  Status wait_for_readers();
  Status write_half(std::uint32_t half, const policy::Image& image, const tg_host& host, const SlotTable& slots) const;

  const MapSet* maps_;
  tg_control* control_;
  std::function<Status()> wait_;
  ServiceSlots slots_;
  tg_host host_{};
  bool old_half_read_ = true;  // an earlier agent may have died right after its flip
};

}  // namespace tidegate::kernel
