// SPDX-License-Identifier: Apache-2.0
// What behaviour rules remember of a key.
#pragma once

#include "tests/bench/samples.hpp"

namespace tidegate::bench {

// Half an hour of visitors, API clients and attackers goes through the starter rules; what each tracked key and rule
// takes then is reported by kind of condition. The same at every call: no rounds.
Status measure_memory(const Settings& settings);

}  // namespace tidegate::bench
