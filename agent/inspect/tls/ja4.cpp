// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tls/ja4.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "agent/base/hex.hpp"
#include "agent/inspect/tls/extension.hpp"
#include "agent/inspect/tls/hello.hpp"
#include "agent/inspect/tls/hmac.hpp"

namespace tidegate::inspect {
namespace {

constexpr std::size_t kHashCharacters = 12;

std::string_view version_text(std::uint16_t version) {
  switch (version) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    case 0x0002:
      return "s2";
    default:
      return "00";
  }
}

void append_count(std::string& text, std::size_t count) {
  count = std::min<std::size_t>(count, 99);
  text += kHexDigits[count / 10];
  text += kHexDigits[count % 10];
}

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// First and last character of the protocol's name; of its hex form when one of them is no letter or digit.
void append_alpn(std::string& text, std::string_view alpn) {
  if (alpn.empty()) {
    text += "00";
  } else if (is_alphanumeric(alpn.front()) && is_alphanumeric(alpn.back())) {
    text += {alpn.front(), alpn.back()};
  } else {
    text += kHexDigits[static_cast<unsigned char>(alpn.front()) >> 4];
    text += kHexDigits[static_cast<unsigned char>(alpn.back()) & 0xf];
  }
}

void append_list(std::string& text, const std::vector<std::uint16_t>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i != 0) text += ',';
    for (int shift = 12; shift >= 0; shift -= 4) text += kHexDigits[values[i] >> shift & 0xf];
  }
}

void append_hash(std::string& text, const std::string& of) {
  std::array<std::byte, 32> digest;
  Hash hash(HashKind::kSha256);
  hash.update(std::as_bytes(std::span(of)));
  hash.finish(digest.data());
  text += to_hex(std::span(digest).first(kHashCharacters / 2));
}

void append_ciphers(std::string& text, std::vector<std::uint16_t>& ciphers) {
  if (ciphers.empty()) {
    text += "000000000000";
    return;
  }
  std::ranges::sort(ciphers);
  std::string list;
  list.reserve(ciphers.size() * 5);
  append_list(list, ciphers);
  append_hash(text, list);
}

void append_extensions(std::string& text, Ja4Input& input) {
  std::erase_if(input.extensions, [](std::uint16_t value) { return value == kServerName || value == kAlpn; });
  std::ranges::sort(input.extensions);
  if (input.extensions.empty()) {
    text += "000000000000";
    return;
  }
  std::string list;
  list.reserve((input.extensions.size() + input.signature_algorithms.size()) * 5);
  append_list(list, input.extensions);
  if (!input.signature_algorithms.empty()) {
    list += '_';
    append_list(list, input.signature_algorithms);
  }
  append_hash(text, list);
}

}  // namespace

std::string ja4_of(Ja4Input input) {
  std::erase_if(input.ciphers, is_grease);
  std::erase_if(input.extensions, is_grease);
  std::erase_if(input.signature_algorithms, is_grease);
  std::string text;
  text.reserve(36);
  text += 't';
  text += version_text(input.version);
  text += input.has_sni ? 'd' : 'i';
  append_count(text, input.ciphers.size());
  append_count(text, input.extensions.size());
  append_alpn(text, input.alpn);
  text += '_';
  append_ciphers(text, input.ciphers);
  text += '_';
  append_extensions(text, input);
  return text;
}

}  // namespace tidegate::inspect
