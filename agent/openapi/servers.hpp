// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/openapi/notes.hpp"
#include "agent/openapi/references.hpp"

namespace tidegate::openapi {

inline constexpr std::size_t kMostBases = 16;

// The paths that a list of "Server Objects" says everything is below, without a slash at the end; "" is the root. Each
// once, at most kMostBases. A variable stands for each of its `enum`, or for its default and anything else: "{name}".
// nullptr or an empty list: the root.
std::vector<std::string> base_paths(const Node* servers, Notes& notes, policy::Report& report);

}  // namespace tidegate::openapi
