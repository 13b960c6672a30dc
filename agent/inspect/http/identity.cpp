// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/identity.hpp"

#include <openssl/crypto.h>

#include <array>
#include <cstdint>
#include <string>

#include "agent/inspect/http/json_find.hpp"
#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect::http {
namespace {

std::optional<std::string_view> unless_empty(std::string_view value) {
  return value.empty() ? std::nullopt : std::optional(value);
}

// What was decoded may be a password.
struct Wipe {
  std::array<char, 192>& bytes;
  ~Wipe() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

// -1: not of the alphabet.
int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (is_digit(c)) return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  return c == '/' || c == '_' ? 63 : -1;
}

// What follows the scheme.
std::optional<std::string_view> credentials(std::string_view authorization, std::string_view scheme) {
  authorization = trimmed(authorization);
  if (!equals_any_case(take_until(authorization, ' '), scheme)) return std::nullopt;
  return unless_empty(trimmed(authorization));
}

// "a%20b+c" is "a b c" (WHATWG URL, 5.1).
std::optional<std::string_view> form_decoded(std::string_view text, KeptBytes& room) {
  if (text.find_first_of("%+") == std::string_view::npos) return text;
  room.release();
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i] == '+' ? ' ' : text[i];
    if (c == '%' && i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2])) {
      c = static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
      i += 2;
    }
    if (!room.append({&c, 1})) return std::nullopt;
  }
  return room.text();
}

// As a pointer: "sub" is "/sub", with what the syntax of pointers needs.
std::string pointer_of(std::string_view claim) {
  if (claim.starts_with('/')) return std::string(claim);
  std::string pointer = "/";
  for (const char c : claim) {
    if (c == '~' || c == '/') {
      pointer.append(c == '~' ? "~0" : "~1");
    } else {
      pointer.push_back(c);
    }
  }
  return pointer;
}

}  // namespace

bool append_base64(std::string_view text, KeptBytes& to) {
  while (text.ends_with('=')) text.remove_suffix(1);
  if (text.size() % 4 == 1) return false;
  std::array<char, 192> out{};
  const Wipe wipe{out};
  std::size_t size = 0;
  std::uint32_t bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out[size++] = static_cast<char>(bits >> held & 0xff);
    if (size == out.size()) {
      if (!to.append({out.data(), size})) return false;
      size = 0;
    }
  }
  return to.append({out.data(), size});
}

std::optional<std::string_view> cookie_value(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    std::string_view pair = take_until(cookies, ';');
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || trimmed(pair.substr(0, equals)) != name) continue;
    return unless_empty(trimmed(pair.substr(equals + 1)));
  }
  return std::nullopt;
}

std::optional<std::string_view> basic_user(std::string_view authorization, KeptBytes& room) {
  const auto encoded = credentials(authorization, "basic");
  room.release();
  if (!encoded || !append_base64(*encoded, room)) return std::nullopt;
  const std::size_t colon = room.text().find(':');
  return colon == std::string_view::npos ? std::nullopt : unless_empty(room.text().substr(0, colon));
}

std::optional<std::string_view> jwt_claim(std::string_view authorization, std::string_view claim, KeptBytes& room) {
  auto token = credentials(authorization, "bearer");
  if (!token) return std::nullopt;
  const std::size_t first = token->find('.');
  const std::size_t second = first == std::string_view::npos ? first : token->find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  KeptBytes payload(room.budget());
  if (!append_base64(token->substr(first + 1, second - first - 1), payload)) return std::nullopt;
  const auto value = find_in_json(payload.text(), pointer_of(claim), room);
  if (!value || value->empty()) return std::nullopt;
  if (value->data() == room.text().data()) return value;
  // It lies in the payload, which goes away.
  room.release();
  return room.append(*value) ? std::optional(room.text()) : std::nullopt;
}

std::optional<std::string_view> form_value(std::string_view form, std::string_view name, bool complete,
                                           KeptBytes& room) {
  std::optional<std::string_view> last;
  while (!form.empty()) {
    if (!complete && form.find('&') == std::string_view::npos) break;
    std::string_view pair = take_until(form, '&');
    const auto key = form_decoded(take_until(pair, '='), room);
    if (key == name) last = pair;
  }
  const auto value = last ? form_decoded(*last, room) : std::nullopt;
  return value ? unless_empty(*value) : std::nullopt;
}

BodyKind body_kind(std::string_view content_type) {
  const std::string_view type = trimmed(content_type.substr(0, content_type.find(';')));
  if (equals_any_case(type, "application/x-www-form-urlencoded")) return BodyKind::kForm;
  if (equals_any_case(type, "application/json")) return BodyKind::kJson;
  // application/problem+json and its like (RFC 6839)
  const bool suffixed = type.size() > 5 && equals_any_case(type.substr(type.size() - 5), "+json");
  return suffixed ? BodyKind::kJson : BodyKind::kNone;
}

}  // namespace tidegate::inspect::http
