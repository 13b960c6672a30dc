// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect/summary_parse.hpp"

#include <algorithm>
#include <cmath>

#include "agent/base/hex.hpp"
#include "agent/decisions/transfer.hpp"
#include "agent/inspect/wire/messages.hpp"
#include "agent/inspect/wire/summary_codec.hpp"
#include "cli/format/output.hpp"
#include "cli/inspect/summary_json.hpp"

namespace tidegate::cli {
namespace {

using inspect::Summary;

constexpr std::uint64_t kMostStatus = 999;
constexpr std::uint64_t kMostExact = 999;              // nanoseconds below a microsecond
constexpr double kLongestMilliseconds = 86400e3 * 60;  // with the latest time that there is, an end fits 64 bits

std::unexpected<Error> wrong(const std::string& key, const std::string& what) {
  return fail(ErrorCode::kInvalidArgument, key + " " + what);
}

std::optional<unsigned> digit_of(char c) {
  const auto at = kHexDigits.find(c);
  return at == kHexDigits.npos ? std::nullopt : std::optional(static_cast<unsigned>(at));
}

Result<std::string> from_hex(const std::string& key, std::string_view digits) {
  std::string bytes;
  if (digits.size() % 2 != 0) return wrong(key, "is no hexadecimal text");
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const auto high = digit_of(digits[i]);
    const auto low = digit_of(digits[i + 1]);
    if (!high || !low) return wrong(key, "is no hexadecimal text");
    bytes += static_cast<char>(*high << 4 | *low);
  }
  return bytes;
}

// Reads keys of one object; null is as if a key were missing.
class Keys {
 public:
  explicit Keys(const Json& object) : object_(object) {}

  const Json* find(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  Status text(const char* key, std::size_t most, std::string& to, bool required = false) const {
    const Json* value = find(key);
    if (value == nullptr) return required ? Status(wrong(key, "is missing")) : Status();
    if (!value->is_string()) return wrong(key, "is no text");
    if (value->get_ref<const std::string&>().size() > most)
      return wrong(key, "is longer than " + std::to_string(most) + " bytes");
    to = value->get<std::string>();
    return {};
  }
  template <typename Number>
  Status number(const char* key, std::uint64_t most, Number& to, bool required = false) const {
    const Json* value = find(key);
    if (value == nullptr) return required ? Status(wrong(key, "is missing")) : Status();
    if (!value->is_number_unsigned() || value->get<std::uint64_t>() > most)
      return wrong(key, "is no whole number up to " + std::to_string(most));
    to = static_cast<Number>(value->get<std::uint64_t>());
    return {};
  }
  template <typename Number>
  Status number(const char* key, std::uint64_t most, std::optional<Number>& to) const {
    if (find(key) == nullptr) return {};
    Number value{};
    TIDEGATE_TRY(number(key, most, value));
    to = value;
    return {};
  }
  Status flag(const char* key, bool& to) const {
    const Json* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_boolean()) return wrong(key, "is neither true nor false");
    to = value->get<bool>();
    return {};
  }
  Status address(const char* key, std::optional<Address>& to, bool required = false) const {
    std::string text;
    TIDEGATE_TRY(this->text(key, 64, text, required));
    if (text.empty()) return {};
    const auto parsed = Address::parse(text);
    if (!parsed) return wrong(key, "is no address");
    to = *parsed;
    return {};
  }
  Status hash(const char* key, std::optional<inspect::IdentityHash>& to) const {
    std::string text;
    TIDEGATE_TRY(this->text(key, 64, text));
    if (text.empty()) return {};
    TIDEGATE_ASSIGN(const std::string bytes, from_hex(key, text));
    inspect::IdentityHash hash{};
    if (bytes.size() != hash.size()) return wrong(key, "is no identity of 16 bytes");
    std::ranges::transform(bytes, hash.begin(), [](char c) { return static_cast<std::byte>(c); });
    to = hash;
    return {};
  }

 private:
  const Json& object_;
};

Status read_times(const Keys& keys, Summary& summary) {
  std::string time;
  TIDEGATE_TRY(keys.text("time", 64, time, true));
  const auto began = decisions::parse_rfc3339(time);
  if (!began || *began < WallTime{}) return wrong("time", "is no time such as 2030-01-01T00:00:00.000000Z");
  summary.began = *began;
  const Json* duration = keys.find("duration_ms");
  if (duration == nullptr) return {};
  const double value = duration->is_number() ? duration->get<double>() : -1;
  if (!(value >= 0 && value <= kLongestMilliseconds)) return wrong("duration_ms", "is no duration in milliseconds");
  summary.duration = std::chrono::microseconds(std::llround(value * 1000));
  return {};
}

template <typename Version, typename Name>
Status read_version(const Keys& keys, const char* key, Version last, Name name, Version& to) {
  std::string text;
  TIDEGATE_TRY(keys.text(key, 8, text));
  if (text.empty()) return {};
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    if (name(static_cast<Version>(i)) != text) continue;
    to = static_cast<Version>(i);
    return {};
  }
  return wrong(key, "is no version that is known");
}

Status read_kind(const Keys& keys, Summary& summary) {
  std::string text;
  TIDEGATE_TRY(keys.text("kind", 16, text));
  if (text.empty()) return {};
  for (int i = 0; i <= static_cast<int>(inspect::SummaryKind::kPayload); ++i) {
    if (kind_text(static_cast<inspect::SummaryKind>(i)) != text) continue;
    summary.kind = static_cast<inspect::SummaryKind>(i);
    return {};
  }
  return wrong("kind", "is none that is known");
}

Status read_connection(const Keys& keys, Summary& summary) {
  inspect::ConnectionFacts& connection = summary.connection;
  std::optional<Address> client;
  std::optional<Address> server;
  TIDEGATE_TRY(keys.address("client_ip", client, true));
  TIDEGATE_TRY(keys.address("server_ip", server, true));
  if (!client || !server) return wrong(client ? "server_ip" : "client_ip", "is empty");
  connection.flow.client.address = *client;
  connection.flow.server.address = *server;
  TIDEGATE_TRY(keys.number("client_port", 65535, connection.flow.client.port));
  TIDEGATE_TRY(keys.number("server_port", 65535, connection.flow.server.port, true));
  TIDEGATE_TRY(read_version(keys, "tls", inspect::TlsVersion::k13, tls_text, connection.tls));
  TIDEGATE_TRY(keys.text("sni", inspect::wire::kLongestSni * 3, connection.sni));
  TIDEGATE_TRY(keys.text("alpn", inspect::wire::kLongestAlpn * 3, connection.alpn));
  TIDEGATE_TRY(keys.text("ja4", inspect::wire::kLongestJa4 * 3, connection.ja4));
  return keys.address("proxied_ip", summary.proxied);
}

Status read_query_keys(const Keys& keys, Summary& summary) {
  const Json* list = keys.find("query_keys");
  if (list == nullptr) return {};
  if (!list->is_array() || list->size() > inspect::kMostQueryKeys) return wrong("query_keys", "is no list of names");
  for (const Json& name : *list) {
    if (!name.is_string() || name.get_ref<const std::string&>().size() > inspect::kLongestQueryKey * 3)
      return wrong("query_keys", "is no list of names");
    summary.query_keys.push_back(name.get<std::string>());
  }
  return {};
}

Status read_websocket(const Keys& keys, Summary& summary) {
  const Json* object = keys.find("websocket");
  if (object == nullptr) return {};
  if (!object->is_object()) return wrong("websocket", "is no object");
  const Keys counts(*object);
  inspect::WebSocketCounts& to = summary.websocket.emplace();
  TIDEGATE_TRY(counts.number("client_frames", UINT64_MAX, to.client_frames));
  TIDEGATE_TRY(counts.number("server_frames", UINT64_MAX, to.server_frames));
  TIDEGATE_TRY(counts.number("client_bytes", UINT64_MAX, to.client_bytes));
  return counts.number("server_bytes", UINT64_MAX, to.server_bytes);
}

// A byte that is not UTF-8 became three.
Status read_request(const Keys& keys, Summary& summary) {
  const bool required = summary.kind != inspect::SummaryKind::kHandshake;
  TIDEGATE_TRY(read_version(keys, "http", inspect::HttpVersion::k2, http_text, summary.http));
  TIDEGATE_TRY(keys.text("method", inspect::kLongestMethod * 3, summary.method, required));
  TIDEGATE_TRY(keys.text("path", inspect::kLongestPath * 3, summary.path, required));
  TIDEGATE_TRY(keys.text("path_template", inspect::kLongestPath * 3, summary.path_template));
  TIDEGATE_TRY(keys.text("host", inspect::kLongestHost * 3, summary.host));
  TIDEGATE_TRY(keys.text("user_agent", inspect::kLongestUserAgent * 3, summary.user_agent));
  TIDEGATE_TRY(read_query_keys(keys, summary));
  TIDEGATE_TRY(keys.number("status", kMostStatus, summary.status));
  TIDEGATE_TRY(keys.number("grpc_status", UINT32_MAX, summary.grpc_status));
  TIDEGATE_TRY(keys.number("request_bytes", UINT64_MAX, summary.request_bytes));
  TIDEGATE_TRY(keys.number("response_bytes", UINT64_MAX, summary.response_bytes));
  TIDEGATE_TRY(keys.text("service", inspect::wire::kMostText, summary.service));
  TIDEGATE_TRY(keys.hash("session", summary.session));
  TIDEGATE_TRY(keys.hash("account", summary.account));
  TIDEGATE_TRY(read_websocket(keys, summary));
  TIDEGATE_TRY(keys.flag("truncated", summary.truncated));
  TIDEGATE_TRY(keys.flag("lossy", summary.lossy));
  return keys.flag("reset", summary.reset);
}

Status read_bytes(const Keys& exact, const char* key, std::size_t most, std::string& to) {
  std::string digits;
  TIDEGATE_TRY(exact.text(key, 2 * most, digits));
  if (digits.empty()) return {};
  TIDEGATE_ASSIGN(to, from_hex(std::string("exact ") + key, digits));
  return {};
}

Status read_more(const Keys& exact, Summary& summary) {
  TIDEGATE_TRY(exact.address("connection_proxied_ip", summary.connection.proxied));
  TIDEGATE_TRY(exact.flag("proven", summary.connection.proven));
  TIDEGATE_TRY(exact.hash("session_before", summary.session_before));
  TIDEGATE_TRY(exact.hash("account_before", summary.account_before));
  TIDEGATE_TRY(exact.number("api_operation", UINT16_MAX, summary.api_operation));
  TIDEGATE_TRY(exact.number("api_facts", inspect::kAllApiFacts, summary.api_facts));
  return exact.number("attacks", inspect::kAllAttackFacts, summary.attacks);
}

// What the other keys do not say, or could only say rounded or replaced.
Status read_exact(const Json& exact, Summary& summary) {
  if (!exact.is_object()) return wrong("exact", "is no object");
  const Keys keys(exact);
  std::uint64_t began = 0;
  std::uint64_t duration = 0;
  TIDEGATE_TRY(keys.number("time_ns", kMostExact, began));
  TIDEGATE_TRY(keys.number("duration_ns", kMostExact, duration));
  summary.began += std::chrono::nanoseconds(began);
  summary.duration += std::chrono::nanoseconds(duration);
  TIDEGATE_TRY(read_more(keys, summary));
  for (const auto& text : exact_texts(summary)) TIDEGATE_TRY(read_bytes(keys, text.key, text.most, *text.text));
  const Json* names = keys.find("query_keys");
  if (names == nullptr) return {};
  if (!names->is_array() || names->size() != summary.query_keys.size())
    return wrong("exact query_keys", "does not fit query_keys");
  for (std::size_t i = 0; i < names->size(); ++i) {
    if (!(*names)[i].is_string()) return wrong("exact query_keys", "is no list of hexadecimal texts");
    TIDEGATE_ASSIGN(summary.query_keys[i], from_hex("exact query_keys", (*names)[i].get_ref<const std::string&>()));
  }
  return {};
}

Status check_bounds(Summary& summary) {
  for (const auto& text : exact_texts(summary)) {
    if (text.text->size() > text.most) return wrong(text.key, "is longer than " + std::to_string(text.most) + " bytes");
  }
  const auto too_long = [](const std::string& name) { return name.size() > inspect::kLongestQueryKey; };
  if (std::ranges::any_of(summary.query_keys, too_long)) return wrong("query_keys", "has a name that is too long");
  return {};
}

}  // namespace

Result<std::optional<Summary>> parse_summary(std::string_view line) {
  if (line.size() > kLongestSummaryLine)
    return fail(ErrorCode::kInvalidArgument, "longer than " + std::to_string(kLongestSummaryLine) + " bytes");
  const Json document = Json::parse(line, nullptr, false);
  if (document.is_discarded()) return fail(ErrorCode::kInvalidArgument, "no JSON");
  if (!document.is_object()) return fail(ErrorCode::kInvalidArgument, "no JSON object");
  if (document.contains("connections") && !document.contains("time")) return std::optional<Summary>();
  Summary summary;
  summary.connection.proven = true;  // unless it says otherwise: it was written by hand, or by an earlier version
  const Keys keys(document);
  TIDEGATE_TRY(read_kind(keys, summary));
  TIDEGATE_TRY(read_times(keys, summary));
  TIDEGATE_TRY(read_connection(keys, summary));
  TIDEGATE_TRY(read_request(keys, summary));
  if (const Json* exact = keys.find("exact")) TIDEGATE_TRY(read_exact(*exact, summary));
  TIDEGATE_TRY(check_bounds(summary));
  return std::optional(std::move(summary));
}

}  // namespace tidegate::cli
