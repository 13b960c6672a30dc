// SPDX-License-Identifier: Apache-2.0
#include "agent/openapi/parameter_reader.hpp"

namespace tidegate::openapi {
namespace {

using inspect::ApiParameter;
using inspect::ApiStyle;

constexpr std::uint8_t kNotNull = inspect::kApiAnything & static_cast<std::uint8_t>(~inspect::kApiNull);

std::string style_of(const Node& node, bool path) {
  const std::string_view style = text_at(node, "style");
  return style.empty() ? (path ? "simple" : "form") : std::string(style);
}

bool is_exploded(const Node& node, const std::string& style) {
  const Node* explode = find(node, "explode");
  return explode == nullptr ? style == "form" : is_true(explode);
}

}  // namespace

std::uint32_t ParameterReader::add(ApiParameter parameter, policy::Location location) {
  if (into_.parameters.size() >= inspect::kMostParameters) {
    report_.error(location, "more than " + std::to_string(inspect::kMostParameters) + " parameters");
    return 0;
  }
  into_.parameters.push_back(std::move(parameter));
  return static_cast<std::uint32_t>(into_.parameters.size());
}

std::uint32_t ParameterReader::key(const std::string& name) {
  const auto [known, fresh] = keys_.try_emplace(name, 0);
  if (fresh) known->second = add({.name = name, .style = ApiStyle::kUnjudged}, {});
  return known->second;
}

const Parameter* ParameterReader::read(const Node& node) {
  const Node* target = references_.follow(node);
  if (target == nullptr) return nullptr;
  const auto [known, fresh] = known_.try_emplace(target, std::nullopt);
  if (fresh) known->second = parse(*target);
  return known->second ? &*known->second : nullptr;
}

std::optional<Parameter> ParameterReader::parse(const Node& node) {
  Parameter result;
  result.name = text_at(node, "name");
  result.in = text_at(node, "in");
  if (result.name.empty() || result.in.empty()) {
    report_.error(node.location, "a parameter needs a `name` and an `in`");
    return std::nullopt;
  }
  if (result.in != "path" && result.in != "query") return std::nullopt;
  ApiParameter parameter{.name = result.name,
                         .style = ApiStyle::kUnjudged,
                         .required = is_true(find(node, "required")),
                         .may_be_empty = is_true(find(node, "allowEmptyValue"))};
  if (parameter.name.size() > inspect::kLongestApiText) {
    report_.error(node.location, "the name of a parameter is longer than 1024 bytes");
    return std::nullopt;
  }
  const Node* schema = find(node, "schema");
  if (schema != nullptr) {
    judge_by(node, *schema, parameter, result);
  } else if (const Node* content = find(node, "content")) {
    notes_.add("a parameter with `content`", content->location);
  }
  result.index = add(std::move(parameter), node.location);
  if (result.index == 0) return std::nullopt;
  return result;
}

// What a text is when it is taken apart depends on what it may be: a single value, a list, or names with values.
void ParameterReader::judge_by(const Node& node, const Node& schema, ApiParameter& parameter, Parameter& result) {
  const bool path = result.in == "path";
  parameter.schema = schemas_.compile(schema);
  const std::uint8_t types = schemas_.possible_types(parameter.schema) & kNotNull;
  const std::string style = style_of(node, path);
  const bool plain = style == (path ? "simple" : "form");
  if (types == inspect::kApiObject) return judge_object(node, schema, path, parameter, result);
  if (types == inspect::kApiArray) return judge_list(node, path, parameter);
  if ((types & (inspect::kApiObject | inspect::kApiArray)) != 0) {
    if (!path && style == "form" && (types & inspect::kApiObject) != 0 && (types & inspect::kApiArray) == 0)
      result.any_query = true;
    return leave("a parameter that may be a list or a map, or one value", node, parameter);
  }
  if (!plain) return leave("a parameter of style " + policy::in_quotes(style), node, parameter);
  parameter.style = ApiStyle::kScalar;
}

void ParameterReader::judge_list(const Node& node, bool path, ApiParameter& parameter) {
  const std::string style = style_of(node, path);
  const bool exploded = is_exploded(node, style);
  if (path) {
    if (style != "simple") return leave("a parameter of style " + policy::in_quotes(style), node, parameter);
    parameter.style = ApiStyle::kComma;
  } else if (style == "form") {
    parameter.style = exploded ? ApiStyle::kRepeated : ApiStyle::kComma;
  } else if ((style == "spaceDelimited" || style == "pipeDelimited") && !exploded) {
    parameter.style = style == "spaceDelimited" ? ApiStyle::kSpace : ApiStyle::kPipe;
  } else {
    leave("a list of style " + policy::in_quotes(style), node, parameter);
    if (style == "deepObject") parameter.style = ApiStyle::kPrefix;
  }
}

void ParameterReader::judge_object(const Node& node, const Node& schema, bool path, ApiParameter& parameter,
                                   Parameter& result) {
  const std::string style = style_of(node, path);
  leave("a parameter that is a map", node, parameter);
  if (path) return;
  if (style == "deepObject") parameter.style = ApiStyle::kPrefix;
  if (style != "form" || !is_exploded(node, style)) return;
  parameter.required = false;
  const Node* target = references_.follow(schema);
  const Node* more = target == nullptr ? nullptr : find(*target, "additionalProperties");
  result.any_query = more == nullptr || !more->is_scalar() || more->text != "false";
  const Node* properties = target == nullptr ? nullptr : find(*target, "properties");
  if (properties == nullptr) return;
  for (const config::Member& property : properties->members) result.keys.push_back(property.key.text);
}

void ParameterReader::leave(const std::string& what, const Node& node, ApiParameter& parameter) {
  notes_.add(what, node.location);
  parameter.style = ApiStyle::kUnjudged;
  parameter.schema = 0;
}

}  // namespace tidegate::openapi
