// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/inspect/model/api_description.hpp"

namespace tidegate::openapi {

struct PathTemplate {
  std::vector<inspect::ApiSegment> segments;
  std::vector<std::string> variables;  // as ApiPiece::variable counts them, from 1
};

// "/users/{id}/files/{name}.{ext}", with its escapes undone. `judged`: its variables are parameters; else they only
// take any text. None: braces that do not pair, or more than a description may have.
std::optional<PathTemplate> parse_template(std::string_view path, bool judged);

}  // namespace tidegate::openapi
