// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/openapi/schema_compiler.hpp"

namespace tidegate::openapi {

// A parameter as it stands in the document.
struct Parameter {
  std::string name;
  std::string in;                 // "path", "query"; others are not judged
  std::uint32_t index = 0;        // into ApiDescription::parameters, from 1
  std::vector<std::string> keys;  // what an object is written as: keys of its own
  bool any_query = false;         // it takes keys that are not listed
};

// Reads "Parameter Objects". Those that several operations share are compiled once. Not thread-safe.
class ParameterReader {
 public:
  ParameterReader(References& references, SchemaCompiler& schemas, Notes& notes, policy::Report& report,
                  inspect::ApiDescription& into)
      : references_(references), schemas_(schemas), notes_(notes), report_(report), into_(into) {}

  // nullptr: it is neither of path nor of query, or cannot be read, which is reported.
  const Parameter* read(const Node& node);
  // A key of its own of which nothing more is known; its index.
  std::uint32_t key(const std::string& name);

 private:
  std::optional<Parameter> parse(const Node& node);
  void judge_by(const Node& node, const Node& schema, inspect::ApiParameter& parameter, Parameter& result);
  void judge_list(const Node& node, bool path, inspect::ApiParameter& parameter);
  void judge_object(const Node& node, const Node& schema, bool path, inspect::ApiParameter& parameter,
                    Parameter& result);
  void leave(const std::string& what, const Node& node, inspect::ApiParameter& parameter);
  std::uint32_t add(inspect::ApiParameter parameter, policy::Location location);

  References& references_;
  SchemaCompiler& schemas_;
  Notes& notes_;
  policy::Report& report_;
  inspect::ApiDescription& into_;
  std::unordered_map<const Node*, std::optional<Parameter>> known_;
  std::unordered_map<std::string, std::uint32_t> keys_;
};

}  // namespace tidegate::openapi
