// SPDX-License-Identifier: Apache-2.0
// Requests out of JSON, as SummaryJson wrote them: nothing that behaviour rules look at is lost on the way.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/base/error.hpp"
#include "agent/inspect/model/summary.hpp"

namespace tidegate::cli {

inline constexpr std::size_t kLongestSummaryLine = 128 * 1024;  // what SummaryJson writes is far shorter

// One line, which anybody may have written: at most kLongestSummaryLine bytes. None: the totals that `inspect --stats`
// ends with. Keys that are not known are left out, those that are missing but `time`, `client_ip`, `server_ip`,
// `server_port`, `method` and `path` are as if nothing had been seen. Errors say what is wrong with which key.
Result<std::optional<inspect::Summary>> parse_summary(std::string_view line);

}  // namespace tidegate::cli
