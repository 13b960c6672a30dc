// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/message.hpp"

#include <algorithm>

#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect::http {
namespace {

constexpr std::size_t kLengthDigits = 18;  // that cannot overflow
constexpr std::string_view kVersion = "HTTP/";

// However long: servers answer methods that they do not know, and go on.
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return kTokenChars[static_cast<unsigned char>(c)]; });
}

bool is_number(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

// Any version that is spelled like one (RFC 9112, 2.3), because some server takes it: nginx "HTTP/1.12", HAProxy
// "HTTP/9.9". What is no later than 1.0 is shown as that, all else as 1.1.
std::optional<HttpVersion> version_of(std::string_view text) {
  if (!text.starts_with(kVersion)) return std::nullopt;
  std::string_view minor = text.substr(kVersion.size());
  std::string_view major = take_until(minor, '.');
  if (!is_number(major) || !is_number(minor)) return std::nullopt;
  while (major.size() > 1 && major.front() == '0') major.remove_prefix(1);
  const bool no_minor = minor.find_first_not_of('0') == std::string_view::npos;
  return major == "0" || (major == "1" && no_minor) ? HttpVersion::k10 : HttpVersion::k11;
}

std::optional<RequestLine> simple_request_line(std::string_view line) {
  constexpr std::string_view kGet = "GET ";
  if (!line.starts_with(kGet)) return std::nullopt;
  const std::string_view target = trimmed(line.substr(kGet.size()));
  if (!target.starts_with('/') || target.find(' ') != std::string_view::npos) return std::nullopt;
  return RequestLine{.method = "GET", .target = target, .version = HttpVersion::k10, .simple = true};
}

std::optional<std::uint64_t> length_of(std::string_view text) {
  if (text.empty() || text.size() > kLengthDigits || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  std::uint64_t length = 0;
  for (const char c : text) length = length * 10 + static_cast<std::uint64_t>(c - '0');
  return length;
}

}  // namespace

std::optional<RequestLine> parse_request_line(std::string_view line) {
  while (!line.empty() && (is_space(line.back()) || line.back() == '\r')) line.remove_suffix(1);
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos) return std::nullopt;
  if (first == last) return simple_request_line(line);
  const auto version = version_of(line.substr(last + 1));
  const RequestLine parsed{line.substr(0, first), trimmed(line.substr(first, last - first)),
                           version.value_or(HttpVersion::k11), false};
  if (!version || parsed.target.empty() || !is_token(parsed.method)) return std::nullopt;
  return parsed;
}

bool may_become_request_line(std::string_view beginning) {
  const std::string_view method = beginning.substr(0, beginning.find(' '));
  if (method.size() == beginning.size() && beginning.ends_with('\r')) return beginning.size() == 1;
  return is_token(method);
}

bool may_become_status_line(std::string_view beginning) {
  return kVersion.starts_with(beginning.substr(0, kVersion.size())) || beginning == "\r";
}

std::optional<std::uint16_t> parse_status_line(std::string_view line) {
  if (line.size() < 12 || !version_of(line.substr(0, 8)) || line[8] != ' ') return std::nullopt;
  line = trimmed(line.substr(9));
  const std::string_view code = line.substr(0, line.find(' '));
  if (code.size() != 3 || !std::ranges::all_of(code, is_digit) || code.front() == '0') return std::nullopt;
  return static_cast<std::uint16_t>((code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0'));
}

HeaderLine parse_header_line(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {Field::kOther, line, {}, false};
  HeaderLine header;
  header.name = line.substr(0, colon);
  header.value = trimmed(line.substr(colon + 1));
  header.field = field_of(header.name);
  if (header.field == Field::kOther && !header.name.empty() && is_space(header.name.back())) {
    const Field meant = field_of(trimmed(header.name));
    header.bad_name = meant == Field::kContentLength || meant == Field::kTransferEncoding;
  }
  return header;
}

void Framing::add(const HeaderLine& line) {
  malformed |= line.bad_name;
  if (line.field == Field::kContentLength) add_length(line.value);
  if (line.field == Field::kTransferEncoding) add_codings(line.value);
}

// "5" or, from a peer that joined repeated fields, "5, 5".
void Framing::add_length(std::string_view value) {
  do {
    const auto one = length_of(trimmed(take_until(value, ',')));
    malformed |= !one || (has_length && *one != length);
    stated_twice |= has_length;
    has_length = true;
    length = one.value_or(0);
  } while (!value.empty());
}

void Framing::add_codings(std::string_view value) {
  while (!value.empty()) {
    const std::string_view coding = trimmed(take_until(value, ','));
    if (coding.empty() || equals_any_case(coding, "identity")) continue;
    malformed |= chunked;  // it must be the last one, once
    has_coding = true;
    chunked = equals_any_case(coding, "chunked");
  }
}

}  // namespace tidegate::inspect::http
