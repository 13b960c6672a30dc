// SPDX-License-Identifier: Apache-2.0
// Warnings about policies that compile and yet may not do what was meant.
#pragma once

#include "agent/policy/compile.hpp"
#include "agent/policy/report.hpp"

namespace tidegate::policy {

// Share of the ways (0 …) that a flood of new sources admitted by one service keeps in debt: new_sources ÷ rate, by the
// slowest of its limits. 0 without new_sources.
double debt_share(const Service& service, std::uint64_t bucket_ways);

void advise(const CompileInput& input, const Compiled& compiled, Report& report);

}  // namespace tidegate::policy
