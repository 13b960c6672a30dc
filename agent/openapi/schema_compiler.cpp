// SPDX-License-Identifier: Apache-2.0
#include "agent/openapi/schema_compiler.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "agent/inspect/api/judgement.hpp"
#include "agent/openapi/ecma_pattern.hpp"

namespace tidegate::openapi {
namespace {

using inspect::ApiFormat;
using inspect::ApiSchema;
using policy::in_quotes;

struct TypeName {
  std::string_view name;
  std::uint8_t type;
};
constexpr std::array<TypeName, 7> kTypes{{{"string", inspect::kApiString},
                                          {"number", inspect::kApiNumber},
                                          {"integer", inspect::kApiInteger},
                                          {"boolean", inspect::kApiBoolean},
                                          {"null", inspect::kApiNull},
                                          {"array", inspect::kApiArray},
                                          {"object", inspect::kApiObject}}};

struct FormatName {
  std::string_view name;
  ApiFormat format;
};
constexpr std::array<FormatName, 5> kFormats{{{"uuid", ApiFormat::kUuid},
                                              {"date", ApiFormat::kDate},
                                              {"date-time", ApiFormat::kDateTime},
                                              {"int32", ApiFormat::kInt32},
                                              {"int64", ApiFormat::kInt64}}};
// They say how a value is shown or kept, not what it may be.
constexpr std::array<std::string_view, 4> kAnnotations{"float", "double", "password", "binary"};

// Keywords that may refuse a value of a parameter, and are not judged.
constexpr std::array<std::string_view, 11> kUnjudged{
    "if",          "contains",          "dependentSchemas", "prefixItems",
    "uniqueItems", "dependentRequired", "$dynamicRef",      "$recursiveRef",
    "$id",         "unevaluatedItems",  "dependencies"};

}  // namespace

std::uint32_t SchemaCompiler::add(ApiSchema schema, policy::Location location) {
  if (into_.schemas.size() >= inspect::kMostSchemas) {
    if (into_.schemas.size() == inspect::kMostSchemas)
      report_.error(location, "more than " + std::to_string(inspect::kMostSchemas) + " schemas of parameters");
    return 0;
  }
  into_.schemas.push_back(std::move(schema));
  return static_cast<std::uint32_t>(into_.schemas.size());
}

std::uint32_t SchemaCompiler::anything() {
  if (anything_ == 0) {
    ApiSchema schema;
    schema.uncertain = true;
    anything_ = add(std::move(schema), {});
  }
  return anything_;
}

std::uint32_t SchemaCompiler::compile(const Node& node, unsigned depth) {
  const auto [known, fresh] = known_.try_emplace(&node, 0);
  if (!fresh && known->second != 0) return known->second;
  if (!fresh || depth == kDeepest) {
    notes_.add(fresh ? "a schema more than 16 deep in others" : "a schema that refers to itself", node.location);
    if (fresh) known_.erase(&node);
    return anything();
  }
  const Node* reference = find(node, "$ref");
  std::uint32_t made = 0;
  if (reference != nullptr && (!siblings_ || node.members.size() == 1)) {
    const Node* target = references_.target(*reference);
    made = target == nullptr ? anything() : compile(*target, depth + 1);
  } else {
    made = add(schema_of(node, depth), node.location);
  }
  known_[&node] = made;
  return made;
}

ApiSchema SchemaCompiler::schema_of(const Node& node, unsigned depth) {
  ApiSchema schema;
  if (node.is_scalar() && (node.text == "true" || node.text == "false")) {
    schema.types = node.text == "true" ? inspect::kApiAnything : std::uint8_t{0};
    return schema;
  }
  if (!node.is_map()) {
    report_.error(node.location, "a schema has to be a map, for example {type: string}");
    return schema;
  }
  read_types(node, schema);
  read_format(node, schema);
  read_values(node, schema);
  read_range(node, schema);
  read_sizes(node, schema);
  read_pattern(node, schema);
  read_branches(node, "allOf", depth, schema.all, schema);
  read_branches(node, "anyOf", depth, schema.any, schema);
  read_branches(node, "oneOf", depth, schema.one, schema);
  if (const Node* inside = find(node, "not")) schema.none = compile(*inside, depth + 1);
  if (const Node* items = find(node, "items")) schema.items = compile(*items, depth + 1);
  if (const Node* reference = find(node, "$ref")) {
    const Node* target = references_.target(*reference);
    schema.all.push_back(target == nullptr ? anything() : compile(*target, depth + 1));
  }
  read_unjudged(node, schema);
  return schema;
}

void SchemaCompiler::read_type(const Node& word, std::uint8_t& types, ApiSchema& schema) {
  const auto known = std::ranges::find(kTypes, std::string_view(word.text), &TypeName::name);
  if (word.is_scalar() && known != kTypes.end()) {
    types |= known->type;
    return;
  }
  notes_.add("type " + in_quotes(word.text), word.location);
  types = inspect::kApiAnything;
  schema.uncertain = true;
}

void SchemaCompiler::read_types(const Node& node, ApiSchema& schema) {
  const Node* type = find(node, "type");
  if (type == nullptr) return;
  std::uint8_t types = 0;
  if (type->is_sequence()) {
    for (const Node& word : type->items) read_type(word, types, schema);
  } else {
    read_type(*type, types, schema);
  }
  if (is_true(find(node, "nullable"))) types |= inspect::kApiNull;
  schema.types = types;
}

void SchemaCompiler::read_format(const Node& node, ApiSchema& schema) {
  const Node* format = find(node, "format");
  if (format == nullptr || !format->is_scalar()) return;
  const auto known = std::ranges::find(kFormats, std::string_view(format->text), &FormatName::name);
  if (known != kFormats.end()) {
    schema.format = known->format;
  } else if (std::ranges::find(kAnnotations, format->text) == kAnnotations.end()) {
    notes_.add("format " + in_quotes(format->text), format->location);
    schema.uncertain = true;
  }
}

void SchemaCompiler::read_value(const Node& value, ApiSchema& schema) {
  if (value.is_null()) {
    schema.values.push_back({"null", std::nullopt});
    schema.values.push_back({"", std::nullopt});
  } else if (value.is_scalar() && value.text.size() <= inspect::kLongestApiText) {
    schema.values.push_back({value.text, value.is_plain ? inspect::parse_decimal(value.text) : std::nullopt});
  } else {
    notes_.add("a value of enum or const that is a list, a map or longer than 1024 bytes", value.location);
    schema.uncertain = true;
    schema.listed = false;
  }
}

void SchemaCompiler::read_values(const Node& node, ApiSchema& schema) {
  const Node* list = find(node, "enum");
  const Node* single = find(node, "const");
  if (list == nullptr && single == nullptr) return;
  schema.listed = true;
  if (single != nullptr) read_value(*single, schema);
  if (list != nullptr && single != nullptr) {
    notes_.add("enum beside const", list->location);
    schema.uncertain = true;
  } else if (list != nullptr && (!list->is_sequence() || list->items.size() >= inspect::kMostApiValues / 2)) {
    if (!list->is_sequence()) report_.error(list->location, "enum has to be a list");
    notes_.add("an enum of more than 2047 values", list->location);
    schema.listed = false;
    schema.uncertain = true;
  } else if (list != nullptr) {
    for (const Node& value : list->items) read_value(value, schema);
  }
  if (is_true(find(node, "nullable"))) read_value(Node{}, schema);
  if (!schema.listed) schema.values.clear();
}

std::optional<inspect::Decimal> SchemaCompiler::number(const Node* node, const char* key) {
  if (node == nullptr) return std::nullopt;
  const auto value = node->is_scalar() && node->is_plain ? inspect::parse_decimal(node->text) : std::nullopt;
  if (!value) report_.error(node->location, std::string(key) + " has to be a number");
  return value;
}

// 3.0 has `exclusiveMinimum: true` beside `minimum`, 3.1 a number of its own.
void SchemaCompiler::read_side(const Node& node, const char* bound, const char* exclusive,
                               std::vector<inspect::ApiBound>& into) {
  const Node* beyond = find(node, exclusive);
  const bool is_flag = beyond != nullptr && beyond->is_scalar() && (beyond->text == "true" || beyond->text == "false");
  if (const auto value = number(find(node, bound), bound)) into.push_back({*value, is_flag && is_true(beyond)});
  if (is_flag) return;
  if (const auto value = number(beyond, exclusive)) into.push_back({*value, true});
}

void SchemaCompiler::read_range(const Node& node, ApiSchema& schema) {
  read_side(node, "minimum", "exclusiveMinimum", schema.least);
  read_side(node, "maximum", "exclusiveMaximum", schema.most);
  const Node* multiple = find(node, "multipleOf");
  schema.multiple_of = number(multiple, "multipleOf");
  if (schema.multiple_of && (schema.multiple_of->negative || schema.multiple_of->digits == 0))
    report_.error(multiple->location, "multipleOf has to be greater than 0");
}

void SchemaCompiler::read_size(const Node& node, const char* key, std::uint32_t& into) {
  const Node* found = find(node, key);
  const auto value = number(found, key);
  if (!value) return;
  const auto most = inspect::parse_decimal(std::to_string(std::numeric_limits<std::uint32_t>::max()));
  if (value->negative || !value->whole) {
    report_.error(found->location, std::string(key) + " has to be a whole number, 0 or more");
  } else if (inspect::compare(*value, *most).value_or(1) >= 0) {
    into = std::numeric_limits<std::uint32_t>::max();
  } else {
    std::uint64_t size = value->digits;
    for (std::int32_t i = 0; i < value->exponent; ++i) size *= 10;
    into = static_cast<std::uint32_t>(size);
  }
}

void SchemaCompiler::read_sizes(const Node& node, ApiSchema& schema) {
  read_size(node, "minLength", schema.shortest);
  read_size(node, "maxLength", schema.longest);
  read_size(node, "minItems", schema.fewest);
  read_size(node, "maxItems", schema.fullest);
}

void SchemaCompiler::read_pattern(const Node& node, ApiSchema& schema) {
  const Node* pattern = find(node, "pattern");
  if (pattern == nullptr) return;
  const std::string text = pattern->is_scalar() ? pattern->text : std::string();
  const auto known = patterns_.find(text);
  if (known != patterns_.end() && known->second != 0) {
    schema.pattern = known->second;
    return;
  }
  const auto translated = text.size() <= inspect::kLongestApiText ? re2_of(text) : std::nullopt;
  const bool usable = translated && translated->size() <= inspect::kLongestApiText &&
                      into_.patterns.size() < inspect::kMostApiPatterns &&
                      inspect::api::pattern_problem(*translated).empty();
  if (usable) {
    into_.patterns.push_back(*translated);
    schema.pattern = static_cast<std::uint32_t>(into_.patterns.size());
  } else {
    const bool many = into_.patterns.size() >= inspect::kMostApiPatterns;
    notes_.add(many ? "patterns beyond the first 256" : "pattern " + in_quotes(text) + ", which RE2 cannot do",
               pattern->location);
    schema.uncertain = true;
  }
  patterns_[text] = schema.pattern;
}

void SchemaCompiler::read_branches(const Node& node, const char* key, unsigned depth, Indexes& into,
                                   ApiSchema& schema) {
  const Node* list = find(node, key);
  if (list == nullptr) return;
  if (!list->is_sequence() || list->items.empty()) {
    report_.error(list->location, std::string(key) + " has to be a list of schemas");
    return;
  }
  if (list->items.size() >= inspect::kMostBranches) {
    notes_.add(std::string(key) + " of more than 63 schemas", list->location);
    schema.uncertain = true;
    return;
  }
  for (const Node& branch : list->items) {
    const std::uint32_t index = compile(branch, depth + 1);
    if (index != 0) into.push_back(index);
  }
}

void SchemaCompiler::read_unjudged(const Node& node, ApiSchema& schema) {
  for (const config::Member& member : node.members) {
    if (std::ranges::find(kUnjudged, member.key.text) == kUnjudged.end()) continue;
    if (member.key.text == "uniqueItems" && !is_true(&member.value)) continue;
    notes_.add(member.key.text, member.key.location);
    schema.uncertain = true;
  }
}

std::uint8_t SchemaCompiler::possible_types(std::uint32_t index, unsigned depth) const {
  if (index == 0 || index > into_.schemas.size() || depth > kDeepest) return inspect::kApiAnything;
  const ApiSchema& schema = into_.schemas[index - 1];
  std::uint8_t types = schema.types;
  if ((types & inspect::kApiNumber) != 0) types |= inspect::kApiInteger;
  if (schema.listed) types &= inspect::kApiScalars;
  for (const std::uint32_t part : schema.all) types &= possible_types(part, depth + 1);
  for (const Indexes* branches : {&schema.any, &schema.one}) {
    if (branches->empty()) continue;
    std::uint8_t some = 0;
    for (const std::uint32_t branch : *branches) some |= possible_types(branch, depth + 1);
    types &= some;
  }
  return types;
}

}  // namespace tidegate::openapi
