// SPDX-License-Identifier: Apache-2.0
// Reads requests that were stored as JSON, for whoever wants to see them.
#pragma once

#include <string>

#include "agent/inspect/model/settings.hpp"
#include "cli/context.hpp"
#include "cli/inspect/view.hpp"
#include "cli/outcome.hpp"

namespace tidegate::cli {

// Hands every request of an inspected service to the view, in the order of the lines: `settings` say which service it
// is, as for a capture. `file`: - is standard input. Lines that cannot be read are named by number and left out; when
// there are such, that is refused at the end.
Outcome<> read_summaries(Context& context, const std::string& file, const inspect::Settings& settings,
                         RequestView& view);

}  // namespace tidegate::cli
