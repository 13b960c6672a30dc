// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/parser.hpp"

namespace tidegate::cli {

void add_decisions_list(Command& decisions);
void add_decisions_import(Command& decisions);
void add_decisions_export(Command& decisions);
void add_decisions_delete(Command& decisions);

}  // namespace tidegate::cli
