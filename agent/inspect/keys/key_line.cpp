// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/keys/key_line.hpp"

#include <algorithm>
#include <charconv>
#include <span>
#include <string>

namespace tidegate::inspect {
namespace {

struct Label {
  std::string_view name;
  std::optional<SecretKind> kind;  // none: accepted and dropped
};
constexpr std::array<Label, 11> kLabels{{
    {"CLIENT_RANDOM", SecretKind::kMaster},
    {"CLIENT_EARLY_TRAFFIC_SECRET", SecretKind::kClientEarly},
    {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", SecretKind::kClientHandshake},
    {"SERVER_HANDSHAKE_TRAFFIC_SECRET", SecretKind::kServerHandshake},
    {"CLIENT_TRAFFIC_SECRET_0", SecretKind::kClientTraffic},
    {"SERVER_TRAFFIC_SECRET_0", SecretKind::kServerTraffic},
    {"EXPORTER_SECRET", std::nullopt},
    {"EARLY_EXPORTER_SECRET", std::nullopt},
    {"ECH_SECRET", std::nullopt},
    {"ECH_CONFIG", std::nullopt},
    {"RSA", std::nullopt},
}};
constexpr std::size_t kMasterSize = 48;
constexpr std::size_t kLongestLabel = 64;
constexpr std::uint64_t kMostDropped = 1ULL << 32;

// Cuts the first word off; the blank behind it too.
std::string_view next_word(std::string_view& rest) {
  const std::size_t end = rest.find(' ');
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return word;
}

constexpr std::array<std::uint8_t, 256> kHexValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(0xff);
  for (unsigned i = 0; i < 10; ++i) values['0' + i] = static_cast<std::uint8_t>(i);
  for (unsigned i = 0; i < 6; ++i) values['a' + i] = values['A' + i] = static_cast<std::uint8_t>(10 + i);
  return values;
}();

// False: not exactly out.size() bytes in hex.
bool read_hex(std::string_view text, std::span<std::byte> out) {
  if (text.size() != 2 * out.size()) return false;
  std::uint8_t wrong = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint8_t high = kHexValues[static_cast<unsigned char>(text[2 * i])];
    const std::uint8_t low = kHexValues[static_cast<unsigned char>(text[2 * i + 1])];
    wrong |= high | low;
    out[i] = static_cast<std::byte>(high << 4 | low);
  }
  return (wrong & 0x80) == 0;
}

bool is_hex(std::string_view text) {
  return !text.empty() && text.size() % 2 == 0 &&
         std::ranges::all_of(text, [](char c) { return kHexValues[static_cast<unsigned char>(c)] != 0xff; });
}

bool is_label(std::string_view word) {
  const auto fits = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
  return !word.empty() && word.size() <= kLongestLabel && std::ranges::all_of(word, fits);
}

const Label* label_of(std::string_view word) {
  const auto found = std::ranges::find(kLabels, word, &Label::name);
  return found == kLabels.end() ? nullptr : &*found;
}

std::optional<Endpoint> read_endpoint(std::string_view word) {
  const std::size_t colon = word.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = word.substr(0, colon);
  const std::string_view digits = word.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  // HAProxy's log format cannot tell which family an address has: brackets around IPv4 are fine.
  if (!bracketed && host.find(':') != std::string_view::npos) return std::nullopt;
  Endpoint endpoint;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), endpoint.port);
  if (error != std::errc{} || end != digits.end()) return std::nullopt;
  const auto address = Address::parse(host);
  if (!address) return std::nullopt;
  endpoint.address = *address;
  return endpoint;
}

// What may follow the secret. False: it begins as an extension and is none.
bool read_extension(std::string_view rest, KeyLine& line) {
  if (next_word(rest) != "tcp") return true;
  const auto client = read_endpoint(next_word(rest));
  const auto server = read_endpoint(next_word(rest));
  if (!client || !server) return false;
  line.flow = Flow{*client, *server};
  std::string_view cipher = next_word(rest);
  if (!cipher.starts_with("0x")) return true;
  cipher.remove_prefix(2);
  const auto [end, error] = std::from_chars(cipher.begin(), cipher.end(), line.cipher, 16);
  return error == std::errc{} && end == cipher.end();
}

bool read_secret(SecretKind kind, std::string_view text, Secret& secret) {
  const std::size_t size = text.size() / 2;
  const bool fits = kind == SecretKind::kMaster ? size == kMasterSize : size == 32 || size == 48;
  if (!fits) return false;
  secret.size = static_cast<std::uint8_t>(size);
  return read_hex(text, std::span(secret.bytes).first(size));
}

KeyLine read_comment(std::string_view line) {
  KeyLine result;
  result.what = KeyLine::What::kNothing;
  constexpr std::string_view kMark = "#dropped ";
  if (!line.starts_with(kMark)) return result;
  const std::string_view digits = line.substr(kMark.size());
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), result.dropped);
  if (error != std::errc{} || end != digits.end()) return result;
  result.dropped = std::min(result.dropped, kMostDropped);
  result.what = KeyLine::What::kDropped;
  return result;
}

}  // namespace

bool is_key_label(std::string_view word) { return label_of(word) != nullptr; }

KeyLine read_key_line(std::string_view line) {
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  if (line.empty() || line.front() == '#') return read_comment(line);
  KeyLine result;
  const std::string_view word = next_word(line);
  const Label* label = label_of(word);
  const std::string_view random = next_word(line);
  const std::string_view secret = next_word(line);
  if (label == nullptr || !label->kind) {
    if (is_label(word) && is_hex(random) && is_hex(secret)) result.what = KeyLine::What::kNothing;
    return result;
  }
  result.kind = *label->kind;
  const bool sound = read_hex(random, result.random) && read_secret(result.kind, secret, result.secret) &&
                     read_extension(line, result);
  if (sound) result.what = KeyLine::What::kSecret;
  return result;
}

}  // namespace tidegate::inspect
