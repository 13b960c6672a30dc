// SPDX-License-Identifier: Apache-2.0
#include "agent/decisions/fields.hpp"

#include <algorithm>
#include <cctype>

namespace tidegate::decisions {
namespace {

constexpr auto kMostAhead = std::chrono::days(3650);  // as for a duration

std::unexpected<Error> bad(std::string message) { return fail(ErrorCode::kInvalidArgument, std::move(message)); }

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view first_word(std::string_view text) { return text.substr(0, text.find_first_of(" \t")); }

Result<std::optional<Rate>> rate_of(const std::string& text, Result<Rate> (*parse)(std::string_view)) {
  if (text.empty()) return std::nullopt;
  TIDEGATE_ASSIGN(const Rate rate, parse(text));
  return rate;
}

}  // namespace

std::optional<Field> field_of(std::string_view name) {
  const auto found = std::ranges::find(kFieldNames, name);
  if (found == std::end(kFieldNames)) return std::nullopt;
  return static_cast<Field>(found - std::begin(kFieldNames));
}

std::string* slot_of(Fields& fields, Field field) {
  switch (field) {
    case Field::kTarget:
      return &fields.target;
    case Field::kAction:
      return &fields.action;
    case Field::kOrigin:
      return &fields.origin;
    case Field::kReason:
      return &fields.reason;
    case Field::kExpires:
      return &fields.expires;
    case Field::kPackets:
      return &fields.packets;
    case Field::kBytes:
      return &fields.bytes;
    default:
      return nullptr;
  }
}

Parsed interpret(Fields&& fields, const ImportOptions& options) {
  NewDecision decision;
  if (fields.target.empty()) return bad("there is no target");
  TIDEGATE_ASSIGN(decision.target, Prefix::parse(fields.target));
  TIDEGATE_ASSIGN(decision.action, parse_action(fields.action.empty() ? "block" : fields.action));
  if (!fields.expires.empty()) {
    TIDEGATE_ASSIGN(decision.expires, parse_rfc3339(fields.expires));
  }
  if (decision.expires > options.now + kMostAhead)
    return bad("it expires in more than 3650d; leave `expires` out for good");
  TIDEGATE_ASSIGN(decision.limit.packets, rate_of(fields.packets, parse_packet_rate));
  TIDEGATE_ASSIGN(decision.limit.bytes, rate_of(fields.bytes, parse_byte_rate));
  if (!fields.origin.empty()) decision.origin = std::move(fields.origin);
  if (options.origin) decision.origin = *options.origin;
  decision.reason = std::move(fields.reason);
  decision.actor = options.actor;
  TIDEGATE_TRY(validate(decision));
  if (decision.expires && *decision.expires <= options.now) return std::nullopt;
  return decision;
}

bool looks_like_duration(std::string_view word) {
  return !word.empty() && std::isdigit(static_cast<unsigned char>(word.front())) &&
         std::ranges::all_of(word, [](unsigned char c) { return std::isalnum(c); });
}

Parsed parse_plain(std::string_view line, const ImportOptions& options) {
  NewDecision decision;
  const std::string_view target = first_word(line);
  TIDEGATE_ASSIGN(decision.target, Prefix::parse(target));
  std::string_view rest = trim(line.substr(target.size()));
  const std::string_view word = first_word(rest);
  if (looks_like_duration(word)) {
    const auto duration = parse_duration(word);
    if (!duration) return bad(duration.error().message + "; put '-' before a reason that begins with a number");
    decision.expires = options.now + *duration;
  }
  if (decision.expires || word == "-") rest = trim(rest.substr(word.size()));
  decision.reason = rest;
  if (options.origin) decision.origin = *options.origin;
  decision.actor = options.actor;
  TIDEGATE_TRY(validate(decision));
  return decision;
}

}  // namespace tidegate::decisions
