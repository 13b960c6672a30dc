// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/model/api_description.hpp"

#include <algorithm>

namespace tidegate::inspect {
namespace {

using Indexes = std::vector<std::uint32_t>;

bool is_short(const std::string& text) { return text.size() <= kLongestApiText; }

bool within(const Indexes& indexes, std::size_t most, std::size_t count) {
  return indexes.size() <= most && std::ranges::all_of(indexes, [&](std::uint32_t i) { return i != 0 && i <= count; });
}

bool is_sound(const ApiSchema& schema, const ApiDescription& in) {
  const std::size_t schemas = in.schemas.size();
  return schema.values.size() <= kMostApiValues && std::ranges::all_of(schema.values, is_short, &ApiValue::text) &&
         schema.least.size() <= kMostBranches && schema.most.size() <= kMostBranches &&
         schema.pattern <= in.patterns.size() && schema.items <= schemas && schema.none <= schemas &&
         within(schema.all, kMostBranches, schemas) && within(schema.any, kMostBranches, schemas) &&
         within(schema.one, kMostBranches, schemas);
}

bool is_sound(const ApiParameter& parameter, const ApiDescription& in) {
  return is_short(parameter.name) && parameter.schema <= in.schemas.size();
}

bool is_sound(const ApiOperation& operation, const ApiDescription& in) {
  const std::size_t parameters = in.parameters.size();
  const bool path = operation.path.size() <= kMostSegments * kMostPieces &&
                    std::ranges::all_of(operation.path, [&](std::uint32_t i) { return i <= parameters; });
  return path && is_short(operation.method) && within(operation.query, kMostQueryParameters, parameters);
}

bool is_sound(const ApiPath& path, const ApiDescription& in) {
  const bool segments =
      path.segments.size() <= kMostSegments && std::ranges::all_of(path.segments, [](const ApiSegment& segment) {
        return segment.size() <= kMostPieces && std::ranges::all_of(segment, is_short, &ApiPiece::literal);
      });
  return segments && within(path.operations, kMostBranches, in.operations.size());
}

}  // namespace

bool is_sound(const ApiDescription& of) {
  const auto sound = [&](const auto& item) { return is_sound(item, of); };
  return of.paths.size() <= kMostApiPaths && of.operations.size() <= kMostOperations &&
         of.parameters.size() <= kMostParameters && of.schemas.size() <= kMostSchemas &&
         of.patterns.size() <= kMostApiPatterns && of.query_keys.size() <= kMostQueryParameters &&
         std::ranges::all_of(of.patterns, is_short) && std::ranges::all_of(of.query_keys, is_short) &&
         std::ranges::all_of(of.paths, sound) && std::ranges::all_of(of.operations, sound) &&
         std::ranges::all_of(of.parameters, sound) && std::ranges::all_of(of.schemas, sound);
}

}  // namespace tidegate::inspect
