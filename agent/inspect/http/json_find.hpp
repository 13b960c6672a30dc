// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "agent/inspect/http/kept_bytes.hpp"

namespace tidegate::inspect::http {

// Finds the text, number or truth value that a JSON pointer (RFC 6901) names in JSON (RFC 8259), building nothing. A
// text is unescaped into `room` if it has escapes; a number or truth value is as written. nullopt: it is not there, is
// null, an object or an array, `text` ends before it does, or is not JSON so far. One pass, no recursion; depth is
// bounded by 64. Of a repeated name the last counts, as for JavaScript, Python, PHP, Ruby, Go and Java's Jackson: the
// objects that it names are read to their ends, or that of the text.
std::optional<std::string_view> find_in_json(std::string_view text, std::string_view pointer, KeptBytes& room);

}  // namespace tidegate::inspect::http
