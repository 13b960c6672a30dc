// SPDX-License-Identifier: Apache-2.0
// The second byte of a message. Both directions number apart from each other.
#pragma once

#include <cstdint>

namespace tidegate::inspect::wire {

enum class InspectorTag : std::uint8_t {
  kStart = 1,
  kSettingsPart,
  kIdentityKey,
  kKeySource,
  kKeySourceRemoved,
  kKeyLines,
  kStop,
};

enum class AgentTag : std::uint8_t {
  kReady = 65,
  kSummaries,
  kStatistics,
  kKeyStatistics,
  kKeySourceEnded,
  kProblem,
  kProgress,
  kFinished,
};

// From the inspector to the examiner.
enum class PayloadTag : std::uint8_t { kPayload = 129 };

}  // namespace tidegate::inspect::wire
