// SPDX-License-Identifier: Apache-2.0
#include "agent/inspection/report.hpp"

namespace tidegate::inspection {

std::string_view to_string(State state) {
  switch (state) {
    case State::kOff:
      return "off";
    case State::kStarting:
      return "starting";
    case State::kRunning:
      return "running";
    case State::kRestarting:
      return "restarting";
    case State::kFailed:
      return "failed";
  }
  return "unknown";
}

}  // namespace tidegate::inspection
