// SPDX-License-Identifier: Apache-2.0
// Schemas of parameters (OpenAPI 3.0 "Schema Object", JSON Schema 2020-12 in 3.1) as far as they say something of
// single values and of lists of them.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "agent/inspect/model/api_description.hpp"
#include "agent/openapi/notes.hpp"
#include "agent/openapi/references.hpp"

namespace tidegate::openapi {

// Appends to the description's schemas and patterns; what several parameters share is compiled once. What is not judged
// is noted and makes a schema uncertain. Not thread-safe.
class SchemaCompiler {
 public:
  static constexpr unsigned kDeepest = 16;

  // `siblings`: what stands beside a `$ref` counts as well (3.1).
  SchemaCompiler(References& references, Notes& notes, policy::Report& report, inspect::ApiDescription& into,
                 bool siblings)
      : references_(references), notes_(notes), report_(report), into_(into), siblings_(siblings) {}

  // The index, from 1.
  std::uint32_t compile(const Node& schema) { return compile(schema, 0); }
  // What a value of it may be at most: bits of ApiType.
  std::uint8_t possible_types(std::uint32_t schema) const { return possible_types(schema, 0); }

 private:
  using Indexes = std::vector<std::uint32_t>;

  std::uint32_t compile(const Node& node, unsigned depth);
  inspect::ApiSchema schema_of(const Node& node, unsigned depth);
  std::uint32_t add(inspect::ApiSchema schema, policy::Location location);
  std::uint32_t anything();
  void read_types(const Node& node, inspect::ApiSchema& schema);
  void read_type(const Node& word, std::uint8_t& types, inspect::ApiSchema& schema);
  void read_format(const Node& node, inspect::ApiSchema& schema);
  void read_values(const Node& node, inspect::ApiSchema& schema);
  void read_value(const Node& value, inspect::ApiSchema& schema);
  void read_range(const Node& node, inspect::ApiSchema& schema);
  void read_side(const Node& node, const char* bound, const char* exclusive, std::vector<inspect::ApiBound>& into);
  void read_sizes(const Node& node, inspect::ApiSchema& schema);
  void read_size(const Node& node, const char* key, std::uint32_t& into);
  void read_pattern(const Node& node, inspect::ApiSchema& schema);
  void read_branches(const Node& node, const char* key, unsigned depth, Indexes& into, inspect::ApiSchema& schema);
  void read_unjudged(const Node& node, inspect::ApiSchema& schema);
  std::optional<inspect::Decimal> number(const Node* node, const char* key);
  std::uint8_t possible_types(std::uint32_t schema, unsigned depth) const;

  References& references_;
  Notes& notes_;
  policy::Report& report_;
  inspect::ApiDescription& into_;
  const bool siblings_;
  std::unordered_map<const Node*, std::uint32_t> known_;  // 0: being compiled
  std::unordered_map<std::string, std::uint32_t> patterns_;
  std::uint32_t anything_ = 0;
};

}  // namespace tidegate::openapi
