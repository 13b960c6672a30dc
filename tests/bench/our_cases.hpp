// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "agent/base/error.hpp"
#include "tests/bench/cases.hpp"

namespace tidegate::bench {

// Tidegate under every traffic that a target names, and some that none does.
Status add_our_cases(std::vector<Case>& cases, const Settings& settings);

}  // namespace tidegate::bench
