// SPDX-License-Identifier: Apache-2.0
#include "agent/behavior/fields.hpp"

#include <algorithm>
#include <array>

#include "agent/inspect/model/summary.hpp"

namespace tidegate::behavior {
namespace {

constexpr std::array kTypes{
#define BEHAVIOR_TYPE(id, name, value, operators) TypeInfo{name, value, operators},
#include "agent/behavior/fields.def"
#undef BEHAVIOR_TYPE
};

constexpr bool is_yes(std::string_view word) { return word == "yes"; }

constexpr std::array kFields{
#define BEHAVIOR_FIELD(id, name, type, cased, from, meaning) \
  FieldInfo{Field::id, name, FieldType::type, is_yes(cased), from, meaning},
#include "agent/behavior/fields.def"
#undef BEHAVIOR_FIELD
};

constexpr std::array kDistinct{
#define BEHAVIOR_DISTINCT(id, name, meaning) DistinctInfo{DistinctField::id, name, meaning},
#include "agent/behavior/fields.def"
#undef BEHAVIOR_DISTINCT
};

constexpr std::array kFlags{
#define BEHAVIOR_FLAG(field, name, bit, meaning) FlagInfo{Field::field, name, bit, meaning},
#include "agent/behavior/fields.def"
#undef BEHAVIOR_FLAG
};

constexpr std::array<std::string_view, 5> kOperators{"is", "regex", "missing", "over", "under"};

}  // namespace

const TypeInfo& type_info(FieldType type) { return kTypes[static_cast<std::size_t>(type)]; }

std::span<const FieldInfo> fields() { return kFields; }

const FieldInfo& field_info(Field field) { return kFields[static_cast<std::size_t>(field)]; }

std::span<const DistinctInfo> distinct_fields() { return kDistinct; }

const DistinctInfo& distinct_info(DistinctField field) { return kDistinct[static_cast<std::size_t>(field)]; }

std::span<const FlagInfo> flags_of(Field field) {
  const auto of_field = [field](const FlagInfo& flag) { return flag.field == field; };
  const auto* first = std::find_if(kFlags.begin(), kFlags.end(), of_field);
  return {first, std::find_if_not(first, kFlags.end(), of_field)};
}

std::string_view to_string(Operator op) { return kOperators[static_cast<std::size_t>(op)]; }

bool allows(FieldType type, Operator op) {
  std::string_view rest = type_info(type).operators;
  while (!rest.empty()) {
    const std::size_t end = rest.find(", ");
    if (rest.substr(0, end) == to_string(op)) return true;
    rest = end == rest.npos ? std::string_view{} : rest.substr(end + 2);
  }
  return false;
}

}  // namespace tidegate::behavior
