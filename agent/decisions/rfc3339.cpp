// SPDX-License-Identifier: Apache-2.0
// Format names and times as text.
#include <charconv>
#include <chrono>

#include "agent/decisions/transfer.hpp"

namespace tidegate::decisions {
namespace {

std::unexpected<Error> bad_time(std::string_view text) {
  return fail(ErrorCode::kInvalidArgument,
              "'" + printable(text.substr(0, 64)) + "' is no time such as 2030-01-01T00:00:00Z");
}

// Exactly `digits` digits and then `behind` (none: 0) are taken off `text`.
std::optional<int> take(std::string_view& text, std::size_t digits, char behind) {
  const std::size_t size = digits + (behind == 0 ? 0 : 1);
  if (text.size() < size || (behind != 0 && text[digits] != behind)) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(size);
  return value;
}

// ".25", at most nanoseconds count; absent: 0.
std::optional<std::chrono::nanoseconds> take_fraction(std::string_view& text) {
  if (!text.starts_with('.')) return std::chrono::nanoseconds(0);
  text.remove_prefix(1);
  std::int64_t nanoseconds = 0;
  std::int64_t unit = 100'000'000;
  const std::size_t before = text.size();
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), unit /= 10) {
    nanoseconds += (text.front() - '0') * unit;
  }
  return text.size() == before ? std::nullopt : std::optional(std::chrono::nanoseconds(nanoseconds));
}

// "Z" or "+01:00", which must be all that is left.
std::optional<std::chrono::minutes> take_offset(std::string_view text) {
  if (text == "Z" || text == "z") return std::chrono::minutes(0);
  if (text.size() != 6 || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = take(text, 2, ':');
  const auto minutes = take(text, 2, 0);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return std::chrono::minutes(sign * (*hours * 60 + *minutes));
}

std::optional<std::chrono::sys_days> take_date(std::string_view& text) {
  const auto year = take(text, 4, '-');
  const auto month = take(text, 2, '-');
  const auto day = take(text, 2, 0);
  if (!year || !month || !day || text.empty() || (text.front() != 'T' && text.front() != 't')) return std::nullopt;
  text.remove_prefix(1);
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  // Nanoseconds in 64 bits reach from 1678 to 2262.
  if (!date.ok() || *year < 1970 || *year > 2261) return std::nullopt;
  return std::chrono::sys_days(date);
}

}  // namespace

Result<Format> parse_format(std::string_view text) {
  if (text == "plain") return Format::kPlain;
  if (text == "json") return Format::kJson;
  if (text == "csv") return Format::kCsv;
  if (text == "nft") return Format::kNft;
  return fail(ErrorCode::kInvalidArgument, "a format is plain, json, csv or nft");
}

Result<WallTime> parse_rfc3339(std::string_view text) {
  std::string_view rest = text.substr(0, 64);
  const auto date = take_date(rest);
  if (!date) return bad_time(text);
  const auto hours = take(rest, 2, ':');
  const auto minutes = take(rest, 2, ':');
  const auto seconds = take(rest, 2, 0);
  const auto fraction = take_fraction(rest);
  const auto offset = take_offset(rest);
  if (!hours || !minutes || !seconds || !fraction || !offset) return bad_time(text);
  // 60: a leap second, which the clock of the system does not have; the next second is the same instant there.
  if (*hours > 23 || *minutes > 59 || *seconds > 60) return bad_time(text);
  return WallTime(*date) + std::chrono::hours(*hours) + std::chrono::minutes(*minutes) +
         std::chrono::seconds(*seconds) + *fraction - *offset;
}

}  // namespace tidegate::decisions
