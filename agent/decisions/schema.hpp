// SPDX-License-Identifier: Apache-2.0
// The file decisions.db: its schema and how values become columns. Inside tidegate_decisions only.
#pragma once

#include <array>
#include <filesystem>
#include <optional>

#include "agent/base/database.hpp"
#include "agent/decisions/decision.hpp"

namespace tidegate::decisions {

enum class Access { kWrite, kRead };

// One more connection to the file; only the first checks its integrity.
Result<Database> open_database(const std::filesystem::path& file, Access access, bool check_integrity);

// A prefix as 17 bytes whose order is that of prefixes: the address in network order, then its length.
using TargetKey = std::array<unsigned char, 17>;
TargetKey to_key(const Prefix& prefix);
Prefix from_key(std::span<const unsigned char> bytes);

std::int64_t to_milliseconds(WallTime time);     // rounded down
std::int64_t to_milliseconds_up(WallTime time);  // rounded up: for expiry, never early
WallTime from_milliseconds(std::int64_t milliseconds);
std::optional<WallTime> from_milliseconds(std::optional<std::int64_t> milliseconds);

// A rate in two columns, the amount at `at`.
void bind_rate(Statement& statement, int at, const std::optional<Rate>& rate);
std::optional<Rate> rate_at(const Statement& statement, int at);

}  // namespace tidegate::decisions
