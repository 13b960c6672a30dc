// SPDX-License-Identifier: Apache-2.0
// One function per command of the contract; each adds the command and what it does to the parser.
#pragma once

#include "cli/parser.hpp"

namespace tidegate::cli {

void add_status(Command& root);
void add_top(Command& root);
void add_events(Command& root);
void add_why(Command& root);
void add_block(Command& root);
void add_unblock(Command& root);
void add_limit(Command& root);
void add_decisions(Command& root);  // list, import, export, delete
void add_safelist(Command& root);   // add, remove, list, check
void add_policy(Command& root);     // check, diff, apply, confirm, rollback, show, history
void add_replay(Command& root);
void add_inspect(Command& root);
void add_rules(Command& root);
void add_api(Command& root);
void add_attach(Command& root);
void add_detach(Command& root);
void add_support(Command& root);
void add_completion(Command& root);

}  // namespace tidegate::cli
