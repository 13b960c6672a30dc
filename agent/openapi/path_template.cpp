// SPDX-License-Identifier: Apache-2.0
#include "agent/openapi/path_template.hpp"

#include <algorithm>

#include "agent/inspect/api/text.hpp"

namespace tidegate::openapi {
namespace {

using inspect::ApiPiece;
using inspect::ApiSegment;

std::string decoded(std::string_view text) {
  std::string room(text.size(), '\0');
  return std::string(inspect::api::decode(text, inspect::api::Plus::kItself, room).value_or(text));
}

std::uint32_t number_of(const std::string& name, std::vector<std::string>& variables) {
  const auto known = std::ranges::find(variables, name);
  if (known == variables.end()) variables.push_back(name);
  return static_cast<std::uint32_t>(std::ranges::find(variables, name) - variables.begin()) + 1;
}

// False: braces that do not pair.
bool parse_segment(std::string_view text, bool judged, ApiSegment& segment, std::vector<std::string>& variables) {
  while (!text.empty()) {
    const std::size_t open = text.find('{');
    const std::string_view literal = text.substr(0, open);
    if (literal.find('}') != literal.npos) return false;
    if (!literal.empty()) segment.push_back({decoded(literal), 0});
    if (open == text.npos) return true;
    const std::size_t close = text.find('}', open);
    if (close == text.npos || close == open + 1) return false;
    const std::string name(text.substr(open + 1, close - open - 1));
    if (name.find('{') != name.npos) return false;
    segment.push_back({"", judged ? number_of(name, variables) : 0});
    text.remove_prefix(close + 1);
  }
  return true;
}

}  // namespace

std::optional<PathTemplate> parse_template(std::string_view path, bool judged) {
  PathTemplate result;
  if (!path.starts_with('/') || path.size() > inspect::kLongestApiText) return std::nullopt;
  do {
    path.remove_prefix(1);
    const std::string_view text = path.substr(0, path.find('/'));
    ApiSegment& segment = result.segments.emplace_back();
    if (!parse_segment(text, judged, segment, result.variables)) return std::nullopt;
    if (segment.size() > inspect::kMostPieces || result.segments.size() > inspect::kMostSegments) return std::nullopt;
    path.remove_prefix(text.size());
  } while (!path.empty());
  return result;
}

}  // namespace tidegate::openapi
