// SPDX-License-Identifier: Apache-2.0
// The generations of History on one connection; every change within a transaction of the caller.
// Inside tidegate_history only.
#pragma once

#include <vector>

#include "agent/history/schema.hpp"

namespace tidegate::history {

// An agent died while it applied: that never came into force.
Status forget_unfinished(Database& database);

Result<Generation> begin(Database& database, const NewGeneration& generation, WallTime now);
Result<Generation> begin_revert(Database& database, const std::string& actor, WallTime now);
Result<Generation> finish(Database& database, std::uint64_t generation, WallTime now);
Status discard(Database& database, std::uint64_t generation);
Result<Generation> confirm(Database& database);

Result<std::optional<Generation>> in_state(Database& database, GenerationState state);
Result<std::optional<Generation>> in_force(Database& database);
Result<Generation> get(Database& database, std::uint64_t generation);
Result<Generation> previous(Database& database);
Result<std::vector<Generation>> list(Database& database);

}  // namespace tidegate::history
