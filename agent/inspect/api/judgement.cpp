// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/api/judgement.hpp"

#include <re2/re2.h>

#include <algorithm>

#include "agent/inspect/api/text.hpp"

namespace tidegate::inspect::api {
namespace {

constexpr Judgement kFits = Judgement::kFits;
constexpr Judgement kViolates = Judgement::kViolates;
constexpr Judgement kUnknown = Judgement::kUnknown;

RE2::Options regex_options() {
  RE2::Options options;  // UTF-8
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(kMostApiRegex);
  return options;
}

// Both hold.
Judgement both(Judgement a, Judgement b) {
  if (a == kViolates || b == kViolates) return kViolates;
  return a == kUnknown || b == kUnknown ? kUnknown : kFits;
}

Judgement fits_if(bool holds) { return holds ? kFits : kViolates; }

bool is_of_type(std::uint8_t types, ApiType type, const Decimal* number, Judgement& doubt) {
  if (type != kApiNumber) return (types & type) != 0;
  if ((types & kApiNumber) != 0) return true;
  if ((types & kApiInteger) == 0) return false;
  if (!number->whole && !number->exact) doubt = kUnknown;
  return number->whole || !number->exact;
}

Judgement in_range(const ApiSchema& schema, const Decimal& number) {
  Judgement result = kFits;
  const auto check = [&](const ApiBound& bound, int wrong_side) {
    const auto order = compare(number, bound.value);
    if (!order) return kUnknown;
    return fits_if(*order == 0 ? !bound.exclusive : (*order < 0) != (wrong_side < 0));
  };
  for (const ApiBound& bound : schema.least) result = both(result, check(bound, -1));
  for (const ApiBound& bound : schema.most) result = both(result, check(bound, 1));
  return result;
}

Judgement is_integer_between(const Decimal& number, std::string_view least, std::string_view most) {
  ApiSchema range;
  range.least = {{*parse_decimal(least)}};
  range.most = {{*parse_decimal(most)}};
  const Judgement whole = number.whole ? kFits : number.exact ? kViolates : kUnknown;
  return both(whole, in_range(range, number));
}

Judgement has_number_format(ApiFormat format, const Decimal& number) {
  if (format == ApiFormat::kInt32) return is_integer_between(number, "-2147483648", "2147483647");
  if (format == ApiFormat::kInt64) return is_integer_between(number, "-9223372036854775808", "9223372036854775807");
  return kFits;
}

Judgement has_text_format(ApiFormat format, std::string_view text) {
  if (format == ApiFormat::kUuid) return fits_if(is_uuid(text));
  if (format == ApiFormat::kDate) return fits_if(is_date(text));
  if (format == ApiFormat::kDateTime) return fits_if(is_date_time(text));
  return kFits;
}

bool is_listed(const ApiSchema& schema, std::string_view text, const Decimal* number) {
  return std::ranges::any_of(schema.values, [&](const ApiValue& value) {
    if (value.text == text) return true;
    return number != nullptr && value.number && compare(*number, *value.number).value_or(0) == 0;
  });
}

}  // namespace

Patterns::Patterns(std::span<const std::string> expressions) {
  for (const std::string& expression : expressions) {
    auto pattern = std::make_unique<RE2>(expression, regex_options());
    patterns_.push_back(pattern->ok() ? std::move(pattern) : nullptr);
  }
}

Patterns::~Patterns() = default;

Judgement Patterns::judge(std::uint32_t index, std::string_view text) const {
  if (index == 0 || index > patterns_.size() || patterns_[index - 1] == nullptr) return kUnknown;
  return fits_if(RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *patterns_[index - 1]));
}

std::string pattern_problem(const std::string& expression) {
  const RE2 pattern(expression, regex_options());
  return pattern.ok() ? std::string() : pattern.error();
}

Judgement ValueJudge::judge(std::uint32_t schema, std::string_view text) {
  if (schema == 0 || schema > schemas_.size()) return kUnknown;
  steps_ = 0;
  Judgement result = kViolates;
  const auto read_as = [&](const Instance& instance) {
    const Judgement one = judge(schema, instance, 0);
    if (one == kFits || (one == kUnknown && result == kViolates)) result = one;
  };
  read_as({kApiString, text, nullptr, count_characters(text)});
  if (const auto number = parse_decimal(text)) read_as({kApiNumber, text, &*number, {}});
  if (text == "true" || text == "false") read_as({kApiBoolean, text, nullptr, {}});
  if (text == "null" || text.empty()) read_as({kApiNull, text, nullptr, {}});
  return result;
}

Judgement ValueJudge::judge(std::uint32_t schema, const Instance& instance, unsigned depth) {
  if (++steps_ > kMostSteps || depth > kDeepest || schema == 0 || schema > schemas_.size()) return kUnknown;
  const ApiSchema& of = schemas_[schema - 1];
  Judgement result = alone(of, instance);
  if (result != kViolates) result = both(result, composed(of, instance, depth));
  return of.uncertain && result == kFits ? kUnknown : result;
}

Judgement ValueJudge::alone(const ApiSchema& schema, const Instance& instance) const {
  Judgement result = kFits;
  if (!is_of_type(schema.types, instance.type, instance.number, result)) return kViolates;
  if (schema.listed) result = both(result, fits_if(is_listed(schema, instance.text, instance.number)));
  if (instance.number != nullptr) {
    result = both(result, in_range(schema, *instance.number));
    result = both(result, has_number_format(schema.format, *instance.number));
    if (schema.multiple_of) {
      const auto multiple = is_multiple(*instance.number, *schema.multiple_of);
      result = both(result, multiple ? fits_if(*multiple) : kUnknown);
    }
  }
  if (instance.type != kApiString) return result;
  if (!instance.characters) return both(result, kUnknown);
  result = both(result, fits_if(*instance.characters >= schema.shortest && *instance.characters <= schema.longest));
  result = both(result, has_text_format(schema.format, instance.text));
  return schema.pattern == 0 ? result : both(result, patterns_.judge(schema.pattern, instance.text));
}

Judgement ValueJudge::composed(const ApiSchema& schema, const Instance& instance, unsigned depth) {
  Judgement result = kFits;
  for (const std::uint32_t part : schema.all) result = both(result, judge(part, instance, depth + 1));
  unsigned fitting = 0;
  unsigned unknown = 0;
  const auto count = [&](const std::vector<std::uint32_t>& branches) {
    fitting = unknown = 0;
    for (const std::uint32_t branch : branches) {
      const Judgement one = judge(branch, instance, depth + 1);
      fitting += one == kFits;
      unknown += one == kUnknown;
    }
  };
  if (!schema.any.empty()) {
    count(schema.any);
    result = both(result, fitting > 0 ? kFits : unknown > 0 ? kUnknown : kViolates);
  }
  if (!schema.one.empty()) {
    count(schema.one);
    const bool possible = fitting == 1 || (fitting == 0 && unknown > 0);
    result = both(result, !possible ? kViolates : unknown > 0 ? kUnknown : kFits);
  }
  if (schema.none != 0) {
    const Judgement inside = judge(schema.none, instance, depth + 1);
    result = both(result, inside == kFits ? kViolates : inside == kViolates ? kFits : kUnknown);
  }
  return result;
}

}  // namespace tidegate::inspect::api
