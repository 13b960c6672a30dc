// SPDX-License-Identifier: Apache-2.0
// A record's fields as text, and what they mean. Inside tidegate_transfer only.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/decisions/transfer.hpp"

namespace tidegate::decisions {

// Empty: absent.
struct Fields {
  std::string target;
  std::string action;
  std::string origin;
  std::string reason;
  std::string expires;
  std::string packets;
  std::string bytes;
};

// The names of JSON keys and CSV columns, in the order in which they are written.
enum class Field { kId, kTarget, kAction, kOrigin, kReason, kCreated, kExpires, kPackets, kBytes, kForced, kActor };
inline constexpr std::string_view kFieldNames[] = {"id",      "target",  "action", "origin", "reason", "created",
                                                   "expires", "packets", "bytes",  "forced", "actor"};
std::optional<Field> field_of(std::string_view name);
// Where a field's text belongs; null: it is read over.
std::string* slot_of(Fields& fields, Field field);

// What a line means. None: it has expired.
using Parsed = Result<std::optional<NewDecision>>;

Parsed interpret(Fields&& fields, const ImportOptions& options);
Parsed parse_plain(std::string_view line, const ImportOptions& options);
Parsed parse_json(std::string_view object, const ImportOptions& options);

// Whether the first word of a plain line's reason would be taken for a duration.
bool looks_like_duration(std::string_view word);

class CsvParser {
 public:
  // The first record names the columns.
  bool has_header() const { return !columns_.empty(); }
  Status read_header(std::string_view record);
  Parsed parse(std::string_view record, const ImportOptions& options);

 private:
  std::vector<Field> columns_;
};

}  // namespace tidegate::decisions
