// SPDX-License-Identifier: Apache-2.0
#include "cli/command/decisions.hpp"

#include "cli/command/commands.hpp"

namespace tidegate::cli {

void add_decisions(Command& root) {
  Command decisions =
      root.add_group("decisions", "Everything that is enforced, and where it came from",
                     "decisions list --contains 203.0.113.7\ndecisions import blocks.txt --origin scan");
  add_decisions_list(decisions);
  add_decisions_import(decisions);
  add_decisions_export(decisions);
  add_decisions_delete(decisions);
}

}  // namespace tidegate::cli
