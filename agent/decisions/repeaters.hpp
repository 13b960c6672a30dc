// SPDX-License-Identifier: Apache-2.0
// Whom rules decided on before, so that the next decision lasts longer also after a restart. Inside tidegate_decisions
// only; the values are in store.hpp.
#pragma once

#include <functional>
#include <span>

#include "agent/base/database.hpp"
#include "agent/decisions/store.hpp"

namespace tidegate::decisions {

// Within a transaction of the caller. An origin that never had a decision is not remembered.
Status put_repeaters(Database& database, std::span<const Repeater> repeaters);
// Forgets what is over, and beyond kMostRepeaters those that would be forgotten first.
Status trim_repeaters(Database& database, std::int64_t now);
// Those that are not over.
Result<std::vector<Repeater>> read_repeaters(Database& database, std::int64_t now);

}  // namespace tidegate::decisions
