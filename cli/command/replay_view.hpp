// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "cli/format/output.hpp"
#include "cli/replay/tally.hpp"

namespace tidegate::cli {

struct ReplayReport {
  Tally tally;
  std::uint64_t unusable = 0;  // not ingress, or cut inside the link header
  std::uint64_t too_long = 0;  // longer than this kernel can replay
  std::string problem;         // why the capture could not be read to its end
  double seconds = 0;          // from the first packet to the last, by the capture's clock
};

// A list, those that lost most first: {source, kind: "source|others|not_ip", seen, passed, dropped, would_drop,
// reasons}; `source` is null for what is not one source.
Json document_of(const ReplayReport& report);
std::string summary_of(const ReplayReport& report);  // one line
void print_replay(std::ostream& out, const Style& style, const ReplayReport& report, std::uint64_t rows);

}  // namespace tidegate::cli
