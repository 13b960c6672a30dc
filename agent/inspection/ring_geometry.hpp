// SPDX-License-Identifier: Apache-2.0
// How the memory of `inspect.memory` is divided between capture rings and what the inspector keeps.
#pragma once

#include <algorithm>

#include "agent/config/settings.hpp"
#include "agent/inspect/capture/ring_setup.hpp"

namespace tidegate::inspection {

// An eighth of the memory for all rings: at 256 MB 30 ms of 8 Gbit/s. Blocks hold the largest offloaded packet.
inline inspect::RingGeometry ring_geometry(const config::InspectSettings& settings) {
  const std::uint64_t each = settings.memory / 8 / settings.cores;
  const std::uint32_t block = each >= (8U << 20) ? 1U << 20 : 1U << 18;
  const auto blocks = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(each / block, 4, 256));
  return {.block_size = block, .blocks = blocks};
}

// What is left of it.
inline std::uint64_t budget(const config::InspectSettings& settings) {
  const std::uint64_t rings = ring_geometry(settings).bytes() * settings.cores;
  return settings.memory - std::min(rings, settings.memory / 2);
}

}  // namespace tidegate::inspection
