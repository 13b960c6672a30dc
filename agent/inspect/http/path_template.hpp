// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace tidegate::inspect::http {

// Whether a path segment or a name is made by a machine, not chosen by a person. Rules, first match:
//   1. nothing but digits and "+ - . , : _" with a digit among them: a number, date, time, IPv4 address, list of ids;
//      but one to three groups of one or two digits with dots between ("1.0", "2.11.3") are a version and stay
//   2. a date at the beginning: "2024-05-17", "2024-05-17T10:00:00Z", "20240517T100000Z"
//   3. hexadecimal digits only, 16 or more; a UUID, with or without braces
//   4. five or more digits in a row: "order-837462"
//   5. letters and digits in a row without anything between: 20 or more, or 8 or more that change between letter and
//      digit at least four times ("dQw4w9WgXcQ")
//   6. an "@": a mail address
//   7. longer than 64 bytes
bool is_identifier(std::string_view segment);

// The path with "{}" in place of what is_identifier() says of each segment, so that requests for the same kind of thing
// look alike. "%41" is "A" where that changes nothing (RFC 3986, 6.2.2.2); parameters of a segment (";v=1") are left
// out; an extension of one to five characters with a letter among them stays ("{}.json").
void make_path_template(std::string_view path, std::string& to);

}  // namespace tidegate::inspect::http
