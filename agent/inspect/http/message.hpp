// SPDX-License-Identifier: Apache-2.0
// The lines that begin an HTTP/1 message, and what says how long it is (RFC 9112).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "agent/inspect/http/field.hpp"
#include "agent/inspect/model/summary.hpp"

namespace tidegate::inspect::http {

struct RequestLine {
  std::string_view method;
  std::string_view target;
  HttpVersion version = HttpVersion::k11;
  bool simple = false;  // HTTP/0.9: no version, no head, and the response has none either; shown as 1.0
};
// As lenient as the most lenient of servers: methods of any length, several spaces between the parts and behind them,
// any version, and "GET /".
std::optional<RequestLine> parse_request_line(std::string_view line);
// False: no request line begins like this.
bool may_become_request_line(std::string_view beginning);

std::optional<std::uint16_t> parse_status_line(std::string_view line);
// False: no status line begins like this.
bool may_become_status_line(std::string_view beginning);

struct HeaderLine {
  Field field = Field::kOther;
  std::string_view name;
  std::string_view value;  // without space around it; may hold line ends where it was folded
  bool bad_name = false;   // space before the colon of a field that says how long the message is
};
HeaderLine parse_header_line(std::string_view line);

// Transfer-Encoding and Content-Length of one message.
struct Framing {
  std::uint64_t length = 0;
  bool has_length = false;
  bool has_coding = false;    // Transfer-Encoding other than "identity"
  bool chunked = false;       // it is the last coding
  bool malformed = false;     // lengths that differ or are none; codings after chunked
  bool stated_twice = false;  // in ways that agree, or of which one wins (RFC 9112, 6.3)

  void add(const HeaderLine& line);
  bool ambiguous() const { return malformed || stated_twice || (has_length && has_coding); }

 private:
  void add_length(std::string_view value);
  void add_codings(std::string_view value);
};

}  // namespace tidegate::inspect::http
