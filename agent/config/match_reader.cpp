// SPDX-License-Identifier: Apache-2.0
#include "agent/config/match_reader.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

namespace tidegate::config {
namespace {

using behavior::FieldInfo;
using behavior::FieldTest;
using behavior::FieldType;
using behavior::Match;
using behavior::Operator;
using policy::in_quotes;

constexpr std::uint64_t kMostGrpcStatus = 16;
constexpr std::uint64_t kMostNumber = UINT64_MAX / 2;
constexpr std::array<std::string_view, 5> kTlsVersions{"none", "1.0", "1.1", "1.2", "1.3"};
constexpr std::array<std::string_view, 3> kHttpVersions{"1.0", "1.1", "2"};
constexpr std::array<std::string_view, 4> kEventNames{"request", "handshake", "stalled", "unread"};
constexpr std::array<std::string_view, 2> kFlags{"false", "true"};

bool is_method(const std::string& text) {
  return !text.empty() && text.size() <= inspect::kLongestMethod &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; });
}

bool is_path(const std::string& text) { return text.starts_with('/') && text.find_first_of("?#") == text.npos; }

// "404", "4xx", "none"
bool add_statuses(const std::string& text, behavior::StatusSet& statuses) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text == "none") {
    statuses.set(0);
    return true;
  }
  if (text.size() != 3 || text[0] < '1' || text[0] > '5') return false;
  const unsigned hundred = static_cast<unsigned>(text[0] - '0') * 100;
  if (text.substr(1) == "xx") {
    for (unsigned i = 0; i < 100; ++i) statuses.set(hundred + i);
    return true;
  }
  if (!digit(text[1]) || !digit(text[2])) return false;
  statuses.set(hundred + static_cast<unsigned>(text[1] - '0') * 10 + static_cast<unsigned>(text[2] - '0'));
  return true;
}

// By number, as behavior::VersionTest counts them.
std::span<const std::string_view> version_names(FieldType type) {
  switch (type) {
    case FieldType::kTls:
      return kTlsVersions;
    case FieldType::kEvent:
      return kEventNames;
    case FieldType::kFlag:
      return kFlags;
    default:
      return kHttpVersions;
  }
}

std::string_view expected(const FieldInfo& field) {
  if (field.field == behavior::Field::kMethod) return "a method such as POST";
  if (field.type == FieldType::kPath) return "a path that begins with '/' and has no query";
  return behavior::type_info(field.type).value;
}

std::string operators_of(FieldType type) {
  std::string text;
  for (const Operator op : {Operator::kRegex, Operator::kMissing, Operator::kOver, Operator::kUnder}) {
    if (behavior::allows(type, op)) text += (text.empty() ? "" : ", ") + std::string(behavior::to_string(op));
  }
  return text;
}

}  // namespace

Match RuleMatches::read(const Node* node, const std::string& what, unsigned depth) {
  Match match;
  if (node == nullptr) return match;
  if (depth > behavior::kDeepestMatch) {
    values_.error(node->location, what + ": any, all and not stand more than " +
                                      std::to_string(behavior::kDeepestMatch) + " deep inside each other");
    return match;
  }
  MapReader map(*node, what, values_.report());
  for (const FieldInfo& field : behavior::fields()) {
    if (const Node* value = map.take(field.name)) read_field(*value, field, what, match);
  }
  read_inside(map.take("all"), what + " all", depth, match.all);
  read_inside(map.take("any"), what + " any", depth, match.any);
  read_inside(map.take("not"), what + " not", depth, match.none);
  map.finish();
  if (node->is_map() && node->members.empty()) values_.error(node->location, what + " is empty; leave it out");
  return match;
}

// A match or a list of them.
void RuleMatches::read_inside(const Node* node, const std::string& what, unsigned depth, std::vector<Match>& matches) {
  if (node == nullptr) return;
  if (node->is_map()) {
    matches.push_back(read(node, what, depth + 1));
    return;
  }
  const auto items = values_.list(node, what, false);
  if (node->is_sequence() && items.empty()) values_.error(node->location, what + " is empty; leave it out");
  for (const Node* item : items) matches.push_back(read(item, what, depth + 1));
}

void RuleMatches::read_field(const Node& node, const FieldInfo& field, const std::string& what, Match& match) {
  if (++tests_ == behavior::kMostTestsOfRule + 1) {
    values_.error(node.location, what + ": the rule has more than " + std::to_string(behavior::kMostTestsOfRule) +
                                     " matchers; make several of it");
  }
  if (tests_ > behavior::kMostTestsOfRule) return;
  if (auto test = read_test(node, field, what + " " + std::string(field.name))) match.tests.push_back(std::move(*test));
}

std::optional<FieldTest> RuleMatches::read_test(const Node& node, const FieldInfo& field, const std::string& what) {
  if (!node.is_map() && !behavior::allows(field.type, Operator::kIs)) {
    values_.error(node.location, what + " needs one of " + operators_of(field.type) + ", for example `{over: " +
                                     (field.type == FieldType::kSize ? "1MB" : "30s") + "}`");
    return std::nullopt;
  }
  if (node.is_map() && operators_of(field.type).empty()) {
    values_.error(node.location,
                  what + " has to be a value or a list of them: " + std::string(behavior::type_info(field.type).value));
    return std::nullopt;
  }
  if (node.is_sequence() && node.items.empty()) {
    values_.error(node.location, what + " is empty and would match nothing; leave it out");
    return std::nullopt;
  }
  switch (field.type) {
    case FieldType::kStatus:
      return FieldTest{field.field, read_statuses(node, what)};
    case FieldType::kNumber:
    case FieldType::kSize:
    case FieldType::kDuration:
      return FieldTest{field.field, read_number(node, field, what)};
    case FieldType::kTls:
    case FieldType::kHttp:
    case FieldType::kEvent:
    case FieldType::kFlag:
      return FieldTest{field.field, read_versions(node, field, what)};
    case FieldType::kFlags:
      return FieldTest{field.field, read_flags(node, field, what)};
    default:
      return FieldTest{field.field, read_text(node, field, what)};
  }
}

bool RuleMatches::fits(const std::string& text, const FieldInfo& field) const {
  if (field.field == behavior::Field::kMethod) return is_method(text);
  return field.type != FieldType::kPath || is_path(text);
}

behavior::TextTest RuleMatches::read_text(const Node& node, const FieldInfo& field, const std::string& what) {
  behavior::TextTest test;
  std::vector<std::string> globs;
  std::vector<std::string> regexes;
  const behavior::TextPattern::Options options{.path = field.type == FieldType::kPath, .cased = field.cased};
  const auto add = [&](const Node* item, std::vector<std::string>& to, bool is_glob) {
    const auto text = values_.text(item, what);
    if (!text) return;
    if (is_glob && !fits(*text, field)) {
      values_.error(item->location, what + ": " + in_quotes(*text) + " is not " + std::string(expected(field)));
      return;
    }
    const std::vector<std::string> one{*text};
    const std::vector<std::string> none;
    const auto alone = behavior::TextPattern::compile(is_glob ? one : none, is_glob ? none : one, options);
    if (!alone) values_.error(item->location, what + ": " + policy::printable(alone.error().message));
    if (alone) to.push_back(*text);
  };
  if (node.is_map()) {
    MapReader map(node, what, values_.report());
    const Node* regex = map.take("regex");
    for (const Node* item : values_.list(regex, what + " regex", true)) add(item, regexes, false);
    if (behavior::allows(field.type, Operator::kMissing))
      test.missing = values_.boolean(map.take("missing"), what + " missing");
    map.finish();
    if (node.members.empty()) values_.error(node.location, what + " is empty; it takes " + operators_of(field.type));
  } else {
    for (const Node* item : values_.list(&node, what, true)) add(item, globs, true);
  }
  if (globs.empty() && regexes.empty()) return test;
  auto pattern = behavior::TextPattern::compile(globs, regexes, options);
  if (!pattern) values_.error(node.location, what + ": " + policy::printable(pattern.error().message));
  if (pattern) test.pattern = std::move(*pattern);
  return test;
}

behavior::StatusTest RuleMatches::read_statuses(const Node& node, const std::string& what) {
  behavior::StatusTest test;
  for (const Node* item : values_.list(&node, what, true)) {
    const auto text = values_.text(item, what);
    if (text && !add_statuses(*text, test.statuses))
      values_.error(item->location, what + ": " + in_quotes(*text) + " is not a status such as 404 or 4xx, or none");
  }
  return test;
}

std::optional<std::uint64_t> RuleMatches::read_bound(const Node* node, FieldType type, const std::string& what) const {
  if (type == FieldType::kSize) return values_.bytes(node, what);
  if (type == FieldType::kNumber) return values_.whole(node, what, 0, kMostNumber);
  const auto duration = values_.duration(node, what);
  if (!duration) return std::nullopt;
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(*duration).count());
}

behavior::NumberTest RuleMatches::read_number(const Node& node, const FieldInfo& field, const std::string& what) {
  behavior::NumberTest test;
  if (!node.is_map()) {
    for (const Node* item : values_.list(&node, what, true)) {
      if (const auto value = values_.whole(item, what, 0, kMostGrpcStatus)) test.values.push_back(*value);
    }
    return test;
  }
  MapReader map(node, what, values_.report());
  test.over = read_bound(map.take("over"), field.type, what + " over");
  test.under = read_bound(map.take("under"), field.type, what + " under");
  map.finish();
  if (node.members.empty()) values_.error(node.location, what + " is empty; it takes " + operators_of(field.type));
  if (test.over && test.under && (*test.under <= *test.over || *test.under - *test.over < 2))
    values_.error(node.location, what + ": no value is over the one and under the other");
  const bool none_over = field.field == behavior::Field::kGrpcStatus && test.over && *test.over >= kMostGrpcStatus;
  if (none_over || test.under == 0U)
    values_.error(node.location,
                  what + ": no value is " + (none_over ? "over " + std::to_string(*test.over) : "under 0"));
  return test;
}

behavior::VersionTest RuleMatches::read_versions(const Node& node, const FieldInfo& field, const std::string& what) {
  behavior::VersionTest test;
  const auto known = version_names(field.type);
  const std::vector<std::string_view> names(known.begin(), known.end());
  for (const Node* item : values_.list(&node, what, true)) {
    const auto text = values_.text(item, what);
    if (!text) continue;
    const auto found = std::find(names.begin(), names.end(), *text);
    if (found == names.end()) {
      values_.error(item->location, what + ": unknown " + in_quotes(*text) + suggestion(*text, names));
    } else {
      test.versions |= static_cast<std::uint8_t>(1U << (found - names.begin()));
    }
  }
  return test;
}

behavior::FlagTest RuleMatches::read_flags(const Node& node, const FieldInfo& field, const std::string& what) {
  behavior::FlagTest test;
  std::vector<std::string_view> names{"any"};
  for (const behavior::FlagInfo& flag : behavior::flags_of(field.field)) names.push_back(flag.name);
  for (const Node* item : values_.list(&node, what, true)) {
    const auto text = values_.text(item, what);
    if (!text) continue;
    if (std::find(names.begin(), names.end(), *text) == names.end())
      values_.error(item->location, what + ": unknown " + in_quotes(*text) + suggestion(*text, names));
    for (const behavior::FlagInfo& flag : behavior::flags_of(field.field)) {
      if (*text == "any" || *text == flag.name) test.flags |= flag.bit;
    }
  }
  return test;
}

}  // namespace tidegate::config
