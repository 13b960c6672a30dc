// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>

#include "agent/base/clock.hpp"

namespace tidegate::inspect::process {

// Waking the reader of keys costs the server that sends a line more than all else it does for it. So keys are not
// waited for while a server is busy, but looked for now and then: nobody has to wake anyone (docs/adr/0014).
class KeyPace {
 public:
  static constexpr std::chrono::milliseconds kBusy{50};  // after keys came, more are expected for so long
  static constexpr std::chrono::milliseconds kBetween{2};

  void came(MonotonicTime now) { busy_until_ = now + kBusy; }

  // For so long keys are left alone, and then looked for without waiting; nullopt: they are waited for.
  std::optional<std::chrono::milliseconds> pause(MonotonicTime now) const {
    if (now < busy_until_) return kBetween;
    return std::nullopt;
  }

 private:
  MonotonicTime busy_until_{0};
};

}  // namespace tidegate::inspect::process
