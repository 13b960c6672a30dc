// SPDX-License-Identifier: Apache-2.0
// The fields that rules match and count, as fields.def lists them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace tidegate::behavior {

enum class FieldType : std::uint8_t {
#define BEHAVIOR_TYPE(id, name, value, operators) id,
#include "agent/behavior/fields.def"
#undef BEHAVIOR_TYPE
};

enum class Field : std::uint8_t {
#define BEHAVIOR_FIELD(id, name, type, cased, from, meaning) id,
#include "agent/behavior/fields.def"
#undef BEHAVIOR_FIELD
};

enum class DistinctField : std::uint8_t {
#define BEHAVIOR_DISTINCT(id, name, meaning) id,
#include "agent/behavior/fields.def"
#undef BEHAVIOR_DISTINCT
};

// How a value is compared. kIs is a value or a list of them without an operator's name.
enum class Operator : std::uint8_t { kIs, kRegex, kMissing, kOver, kUnder };

struct TypeInfo {
  std::string_view name;
  std::string_view value;      // what a value looks like
  std::string_view operators;  // "is, regex"
};

struct FieldInfo {
  Field field;
  std::string_view name;
  FieldType type;
  bool cased;  // whether upper case matters
  std::string_view from;
  std::string_view meaning;
};

struct DistinctInfo {
  DistinctField field;
  std::string_view name;
  std::string_view meaning;
};

// One of the values that a field of flags may have, several of them at a time.
struct FlagInfo {
  Field field;
  std::string_view name;
  std::uint8_t bit;
  std::string_view meaning;
};

const TypeInfo& type_info(FieldType type);
std::span<const FieldInfo> fields();
const FieldInfo& field_info(Field field);
std::span<const DistinctInfo> distinct_fields();
const DistinctInfo& distinct_info(DistinctField field);

// Those of one field; none where it is not of the type kFlags.
std::span<const FlagInfo> flags_of(Field field);

std::string_view to_string(Operator op);  // "is", "regex", "missing", "over", "under"
bool allows(FieldType type, Operator op);

}  // namespace tidegate::behavior
