// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace tidegate::exports {

// What became of events that were to be written for other programs, since the agent started.
struct Report {
  std::string kind;  // "ecs_file"
  std::string path;
  std::uint64_t written = 0;  // events
  std::uint64_t lost = 0;     // events: the file could not be written, or more came than could be
  std::string problem;        // why nothing can be written now; empty: it can
};

}  // namespace tidegate::exports
