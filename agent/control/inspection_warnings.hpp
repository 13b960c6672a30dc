// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/inspection/report.hpp"

namespace tidegate::control {

// What an operator should know of inspection: that it does not run, is blind, loses traffic, keeps secrets in memory
// that may be swapped. Being blind is never silent.
void inspection_warnings(std::vector<std::string>& warnings, const inspection::Report& inspector);

}  // namespace tidegate::control
