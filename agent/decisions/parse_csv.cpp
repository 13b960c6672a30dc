// SPDX-License-Identifier: Apache-2.0
// One record of CSV (RFC 4180, 2).
#include <algorithm>

#include "agent/decisions/fields.hpp"

namespace tidegate::decisions {
namespace {

std::unexpected<Error> bad_record(std::string message) { return fail(ErrorCode::kInvalidArgument, std::move(message)); }

// A quoted field at the start of `rest`, which moves behind it.
Result<std::string> take_quoted(std::string_view& rest) {
  std::string field;
  rest.remove_prefix(1);
  for (;;) {
    const auto quote = rest.find('"');
    if (quote == rest.npos) return bad_record("a quote is not closed");
    field += rest.substr(0, quote);
    rest.remove_prefix(quote + 1);
    if (!rest.starts_with('"')) return field;
    field += '"';
    rest.remove_prefix(1);
  }
}

Result<std::vector<std::string>> split_fields(std::string_view rest) {
  std::vector<std::string> fields;
  for (;;) {
    if (rest.starts_with('"')) {
      TIDEGATE_ASSIGN(std::string field, take_quoted(rest));
      fields.push_back(std::move(field));
      if (!rest.empty() && rest.front() != ',') return bad_record("a quote ends in the middle of a field");
    } else {
      const std::string_view field = rest.substr(0, rest.find(','));
      if (field.find('"') != field.npos) return bad_record("a quote stands in the middle of a field");
      fields.emplace_back(field);
      rest.remove_prefix(field.size());
    }
    if (rest.empty()) return fields;
    rest.remove_prefix(1);
  }
}

}  // namespace

Status CsvParser::read_header(std::string_view record) {
  TIDEGATE_ASSIGN(const auto names, split_fields(record));
  std::vector<Field> columns;
  for (const std::string& name : names) {
    const auto field = field_of(name);
    if (!field)
      return bad_record(
          "the header has an unknown column; export writes id,target,action,origin,reason,created,expires,…");
    if (std::ranges::find(columns, *field) != columns.end()) return bad_record("the header names a column twice");
    columns.push_back(*field);
  }
  if (std::ranges::find(columns, Field::kTarget) == columns.end())
    return bad_record("the header has no column `target`");
  columns_ = std::move(columns);
  return {};
}

Parsed CsvParser::parse(std::string_view record, const ImportOptions& options) {
  TIDEGATE_ASSIGN(auto texts, split_fields(record));
  if (texts.size() != columns_.size()) {
    return bad_record("there are " + std::to_string(texts.size()) + " fields; the header has " +
                      std::to_string(columns_.size()));
  }
  Fields fields;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (std::string* slot = slot_of(fields, columns_[i])) *slot = std::move(texts[i]);
  }
  return interpret(std::move(fields), options);
}

}  // namespace tidegate::decisions
