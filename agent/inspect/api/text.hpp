// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace tidegate::inspect::api {

// Undoes percent-encoding once (RFC 3986, 2.1), and in a query "+" for a space as well. What is no escape stays. None:
// longer than `room`. The view is of `room`, or of `text` where there was nothing to undo.
enum class Plus { kItself, kSpace };
std::optional<std::string_view> decode(std::string_view text, Plus plus, std::span<char> room);

// The number of characters of UTF-8; none: it is not UTF-8 (RFC 3629).
std::optional<std::size_t> count_characters(std::string_view text);

bool is_uuid(std::string_view text);       // RFC 9562, 4
bool is_date(std::string_view text);       // full-date of RFC 3339, 5.6
bool is_date_time(std::string_view text);  // date-time of it

}  // namespace tidegate::inspect::api
