// SPDX-License-Identifier: Apache-2.0
// Text of others (reasons, names, messages) made harmless for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace tidegate::cli {

// Control characters (C0, DEL, C1), line and paragraph separators, characters that reorder text (bidirectional
// controls) and bytes that are not UTF-8 become \n, \t, \xNN or \u{NNNN}. Everything else stays as it is.
std::string escape_text(std::string_view text);

// The same characters inside serialised JSON become \uNNNN, which is the same JSON.
std::string escape_json(std::string_view json);

bool is_utf8(std::string_view text);  // RFC 3629

// Columns a text takes on a terminal: code points, those of double width twice, combining ones not at all.
std::size_t display_width(std::string_view text);

// At most `width` columns; what was cut ends in "…".
std::string shorten(std::string_view text, std::size_t width);

}  // namespace tidegate::cli
