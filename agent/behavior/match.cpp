// SPDX-License-Identifier: Apache-2.0
#include "agent/behavior/match.hpp"

#include <algorithm>

namespace tidegate::behavior {
namespace {

using inspect::Summary;

// What a version, kind or flag is numbered.
std::optional<unsigned> version_of(Field field, const Summary& summary) {
  const bool request = summary.kind != inspect::SummaryKind::kHandshake;
  switch (field) {
    case Field::kEvent:
      return static_cast<unsigned>(summary.kind);
    case Field::kTls:
      return static_cast<unsigned>(summary.connection.tls);
    case Field::kHttp:
      return request ? std::optional(static_cast<unsigned>(summary.http)) : std::nullopt;
    default:
      return request ? std::optional<unsigned>(summary.reset) : std::nullopt;
  }
}

std::string_view text_of(Field field, const Summary& summary) {
  switch (field) {
    case Field::kMethod:
      return summary.method;
    case Field::kPath:
      return summary.path;
    case Field::kTemplate:
      return summary.path_template;
    case Field::kHost:
      return host_of(summary.host);
    case Field::kUserAgent:
      return summary.user_agent;
    case Field::kSni:
      return summary.connection.sni;
    case Field::kJa4:
      return summary.connection.ja4;
    default:
      return {};
  }
}

std::optional<std::uint64_t> number_of(Field field, const Summary& summary) {
  if (summary.kind == inspect::SummaryKind::kHandshake && field != Field::kDuration) return std::nullopt;
  switch (field) {
    case Field::kGrpcStatus:
      return summary.grpc_status;
    case Field::kRequestBytes:
      return summary.request_bytes;
    case Field::kResponseBytes:
      return summary.response_bytes;
    case Field::kDuration:
      return static_cast<std::uint64_t>(std::max<std::int64_t>(0, summary.duration.count()));
    default:
      return std::nullopt;
  }
}

bool holds_names(const TextTest& test, const Summary& summary) {
  if (test.missing && *test.missing != summary.query_keys.empty()) return false;
  return !test.pattern || std::any_of(summary.query_keys.begin(), summary.query_keys.end(),
                                      [&](const std::string& key) { return test.pattern->matches(key); });
}

bool holds(const TextTest& test, Field field, const Summary& summary) {
  if (field == Field::kQuery) return holds_names(test, summary);
  const std::string_view text = field != Field::kOperation ? text_of(field, summary)
                                : test.operations          ? operation_name(*test.operations, summary)
                                                           : std::string_view();
  if (test.missing && *test.missing != text.empty()) return false;
  return !test.pattern || (!text.empty() && test.pattern->matches(text));
}

bool holds(const StatusTest& test, Field, const Summary& summary) {
  const unsigned status = summary.status.value_or(0);
  return status < kStatuses && test.statuses[status];
}

bool holds(const NumberTest& test, Field field, const Summary& summary) {
  const auto number = number_of(field, summary);
  if (!number) return false;
  if (test.over && *number <= *test.over) return false;
  if (test.under && *number >= *test.under) return false;
  return test.values.empty() || std::find(test.values.begin(), test.values.end(), *number) != test.values.end();
}

bool holds(const VersionTest& test, Field field, const Summary& summary) {
  const auto version = version_of(field, summary);
  return version && (test.versions >> *version & 1) != 0;
}

bool holds(const FlagTest& test, Field field, const Summary& summary) {
  const std::uint8_t flags = field == Field::kAttack ? summary.attacks
                             : field == Field::kApi  ? summary.api_facts
                                                     : std::uint8_t{0};
  return (flags & test.flags) != 0;
}

bool holds(const FieldTest& test, const Summary& summary) {
  return std::visit([&](const auto& inside) { return holds(inside, test.field, summary); }, test.test);
}

}  // namespace

std::string_view operation_name(const OperationNames& names, const Summary& summary) {
  if (summary.api_operation == 0) return {};
  const auto known = names.find(summary.service);
  if (known == names.end() || summary.api_operation > known->second.size()) return {};
  return known->second[summary.api_operation - 1U];
}

std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    return end == authority.npos ? authority : authority.substr(0, end + 1);
  }
  return authority.substr(0, authority.find(':'));
}

void name_operations(Match& match, const std::shared_ptr<const OperationNames>& names) {
  for (FieldTest& test : match.tests) {
    auto* text = std::get_if<TextTest>(&test.test);
    if (text != nullptr && test.field == Field::kOperation) text->operations = names;
  }
  for (std::vector<Match>* inside : {&match.all, &match.any, &match.none}) {
    for (Match& other : *inside) name_operations(other, names);
  }
}

bool mentions(const Match& match, Field field) {
  const auto inside = [field](const Match& other) { return mentions(other, field); };
  return std::any_of(match.tests.begin(), match.tests.end(),
                     [field](const FieldTest& t) { return t.field == field; }) ||
         std::any_of(match.all.begin(), match.all.end(), inside) ||
         std::any_of(match.any.begin(), match.any.end(), inside);
}

bool names(const Match& match, Field field) {
  const auto inside = [field](const Match& other) { return names(other, field); };
  return mentions(match, field) || std::any_of(match.all.begin(), match.all.end(), inside) ||
         std::any_of(match.any.begin(), match.any.end(), inside) ||
         std::any_of(match.none.begin(), match.none.end(), inside);
}

bool needs_description(const Match& match) {
  const auto asks = [](const FieldTest& test) {
    const auto* text = std::get_if<TextTest>(&test.test);
    return test.field == Field::kApi || (test.field == Field::kOperation && text != nullptr && text->missing != true);
  };
  const auto inside = [](const Match& other) { return needs_description(other); };
  return std::any_of(match.tests.begin(), match.tests.end(), asks) ||
         std::any_of(match.all.begin(), match.all.end(), inside) ||
         (!match.any.empty() && std::all_of(match.any.begin(), match.any.end(), inside));
}

bool matches(const Match& match, const Summary& summary) {
  const auto fits = [&](const Match& inside) { return matches(inside, summary); };
  return std::all_of(match.tests.begin(), match.tests.end(), [&](const FieldTest& t) { return holds(t, summary); }) &&
         std::all_of(match.all.begin(), match.all.end(), fits) &&
         (match.any.empty() || std::any_of(match.any.begin(), match.any.end(), fits)) &&
         std::none_of(match.none.begin(), match.none.end(), fits);
}

}  // namespace tidegate::behavior
