// SPDX-License-Identifier: Apache-2.0
// The file history.db. Inside tidegate_history only.
#pragma once

#include "agent/base/database.hpp"
#include "agent/history/history.hpp"

namespace tidegate::history {

Result<Database> open_database(const std::filesystem::path& file);

// The columns that read_generation() expects; the text is the last, '' where it is not wanted.
#define TIDEGATE_GENERATION_COLUMNS "generation, applied, actor, comment, state, confirm_by"

Generation read_generation(const Statement& row);
std::int64_t to_nanoseconds(WallTime time);
WallTime from_nanoseconds(std::int64_t nanoseconds);

}  // namespace tidegate::history
