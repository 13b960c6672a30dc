// SPDX-License-Identifier: Apache-2.0
// Finds who is behind a request in the values of its fields. Nothing found here leaves but as a hash.
#pragma once

#include <optional>
#include <string_view>

#include "agent/inspect/http/kept_bytes.hpp"
#include "agent/inspect/model/settings.hpp"

namespace tidegate::inspect::http {

// Views are into the argument or into `room`. Empty values are none.

// Of one Cookie field (RFC 6265, 4.2.1).
std::optional<std::string_view> cookie_value(std::string_view cookies, std::string_view name);

// User name of an Authorization field with the Basic scheme (RFC 7617).
std::optional<std::string_view> basic_user(std::string_view authorization, KeptBytes& room);

// A claim of the payload of a JSON Web Token (RFC 7519) that an Authorization field brings as bearer token (RFC 6750).
// `claim` is a name, or a JSON pointer if it begins with "/". Signatures are not checked; encrypted tokens have none.
std::optional<std::string_view> jwt_claim(std::string_view authorization, std::string_view claim, KeptBytes& room);

// A field of application/x-www-form-urlencoded content; the last of that name. What the end of `form` cuts is none,
// unless it is `complete`.
std::optional<std::string_view> form_value(std::string_view form, std::string_view name, bool complete,
                                           KeptBytes& room);

// What an identity may be looked for in.
enum class BodyKind { kNone, kJson, kForm };
BodyKind body_kind(std::string_view content_type);

// base64 or base64url (RFC 4648), with or without padding, appended to `to`; false: it is neither, or no memory.
bool append_base64(std::string_view text, KeptBytes& to);

}  // namespace tidegate::inspect::http
