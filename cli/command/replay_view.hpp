// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <ostream>

#include "cli/format/output.hpp"
#include "cli/replay/tally.hpp"

namespace tidegate::cli {

struct ReplayReport {
  Tally tally;
  std::uint64_t unusable = 0;  // not ingress, or cut inside the link header
  std::uint64_t too_long = 0;  // longer than this kernel can replay
  double seconds = 0;          // from the first packet to the last, by the capture's clock
};

Json document_of(const ReplayReport& report);
void print_replay(std::ostream& out, const Style& style, const ReplayReport& report, std::uint64_t rows);

}  // namespace tidegate::cli
