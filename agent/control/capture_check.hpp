// SPDX-License-Identifier: Apache-2.0
// Whether the capture sees what the datapath sees.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/inspection/report.hpp"
#include "agent/policy/model.hpp"
#include "agent/telemetry/telemetry.hpp"

namespace tidegate::control {

// Compares the datapath's exact counters of inspected services with what the inspector was given. Not thread-safe.
class CaptureCheck {
 public:
  // Periodic. The services whose traffic passed the datapath over at least two intervals while not one packet reached
  // the inspector, as warnings; none while it does not run or sheds on purpose.
  std::vector<std::string> look(const policy::Policy& policy, const telemetry::CounterView& counters,
                                const inspection::Report& inspector);

 private:
  void begin(const telemetry::CounterView& counters, const inspection::Report& inspector);

  bool comparing_ = false;
  std::uint64_t packets_ = 0;                    // that the inspector had then
  std::map<std::string, std::uint64_t> passed_;  // by service, then
  std::map<std::string, unsigned> suspicions_;   // by service, how many times in a row
};

}  // namespace tidegate::control
