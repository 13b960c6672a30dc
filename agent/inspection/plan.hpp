// SPDX-License-Identifier: Apache-2.0
// What a policy means for the inspector: pure, no kernel, no files.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "agent/inspect/model/settings.hpp"
#include "agent/policy/model.hpp"

namespace tidegate::inspection {

struct Plan {
  bool wanted = false;                                         // some service asks for inspection
  std::vector<std::string> services;                           // those, in the order of the policy
  bool payloads = false;                                       // some service asks that payloads are examined
  std::vector<std::string> interfaces;                         // that are listened on
  std::vector<std::pair<std::uint16_t, std::uint16_t>> ports;  // TCP, inclusive, sorted, disjoint
  inspect::Settings settings;                                  // without identity key, memory, sample and its seed
};

// Which service a connection belongs to is decided as in the datapath: longest address, narrowest port range, the
// protocol alone, the default. Services that are not inspected are listed too where they keep connections from one
// that is.
Plan make_plan(const policy::Policy& policy);

}  // namespace tidegate::inspection
