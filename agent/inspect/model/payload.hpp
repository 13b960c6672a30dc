// SPDX-License-Identifier: Apache-2.0
// The payload of a request: what a client sent besides bytes on the wire. It holds cookies, passwords and tokens: it
// goes from the inspector to the examiner, both of which are sandboxed, and nowhere else.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace tidegate::inspect {

// Bounds of what is handed over of one request; what lies beyond is left out.
inline constexpr std::size_t kMostPayloadHead = 16 << 10;  // bytes of target and fields, with their lengths
inline constexpr std::size_t kMostPayloadFields = 128;     // the target is one of them
inline constexpr std::size_t kMostPayloadBody = 32 << 10;

// The target's name among the fields, as HTTP/2 has it (RFC 9113, 8.3.1).
inline constexpr std::string_view kTargetField = ":path";

struct Payload {
  std::string_view head;  // fields, each a piece for its name and one for its value
  std::string_view body;  // its beginning
};

// A length in two bytes, least first, and the text; at most 65535 bytes. `to` has append(std::string_view), which says
// whether there was room.
template <typename To>
bool append_piece(To& to, std::string_view text) {
  const char length[2] = {static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8 & 0xff)};
  return to.append(std::string_view(length, 2)) && to.append(text);
}

// The next piece off the front of `rest`; none: there is none, or it is cut off.
inline std::optional<std::string_view> take_piece(std::string_view& rest) {
  if (rest.size() < 2) return std::nullopt;
  const std::size_t size = static_cast<unsigned char>(rest[0]) | std::size_t{static_cast<unsigned char>(rest[1])} << 8;
  if (size > rest.size() - 2) return std::nullopt;
  const std::string_view piece = rest.substr(2, size);
  rest.remove_prefix(2 + size);
  return piece;
}

using PayloadField = std::pair<std::string_view, std::string_view>;  // name, value

// The next field off the front of `head`.
inline std::optional<PayloadField> take_field(std::string_view& head) {
  const auto name = take_piece(head);
  const auto value = name ? take_piece(head) : std::nullopt;
  if (!value) return std::nullopt;
  return PayloadField{*name, *value};
}

}  // namespace tidegate::inspect
