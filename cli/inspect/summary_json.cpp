// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect/summary_json.hpp"

#include <algorithm>
#include <charconv>
#include <span>

#include "agent/base/hex.hpp"
#include "cli/format/escape.hpp"
#include "cli/format/output.hpp"
#include "cli/format/plain.hpp"

namespace tidegate::cli {
namespace {

using inspect::HttpVersion;
using inspect::Summary;
using inspect::TlsVersion;

// `key` with its comma, quotes and colon, or another literal: its size is known, which `out += "…"` would count.
void append_key(std::string& out, std::string_view key) { out.append(key.data(), key.size()); }

template <typename Number>
void append_number(std::string& out, Number value) {
  std::array<char, 24> digits;  // NOLINT: only what was written is read
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

// `value` with exactly `width` digits.
void append_padded(std::string& out, std::uint64_t value, unsigned width) {
  std::array<char, 20> digits;  // NOLINT: only what was written is read
  for (unsigned i = width; i-- > 0; value /= 10) digits[i] = static_cast<char>('0' + value % 10);
  out.append(digits.data(), width);
}

void append_text_or_null(std::string& out, std::string_view text) {
  if (text.empty()) {
    append_key(out, "null");
  } else {
    append_json_string(out, text);
  }
}

template <typename Number>
void append_or_null(std::string& out, const std::optional<Number>& value) {
  if (value) {
    append_number(out, *value);
  } else {
    append_key(out, "null");
  }
}

// By way of a small buffer: one call that may allocate instead of three.
void append_quoted(std::string& out, std::string_view plain) {
  std::array<char, 130> quoted;  // NOLINT: only what was written is read
  if (plain.size() + 2 > quoted.size()) {
    out += '"';
    out += plain;
    out += '"';
    return;
  }
  char* const end = std::copy(plain.begin(), plain.end(), quoted.data() + 1);
  quoted.front() = *end = '"';
  out.append(quoted.data(), plain.size() + 2);
}

void append_hash(std::string& out, const std::optional<inspect::IdentityHash>& hash) {
  if (hash) {
    append_quoted(out, to_hex(*hash));
  } else {
    append_key(out, "null");
  }
}

// Milliseconds, to the microsecond.
void append_duration(std::string& out, std::chrono::nanoseconds duration) {
  const auto microseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0) / 1000);
  append_number(out, microseconds / 1000);
  if (microseconds % 1000 == 0) return;
  out += '.';
  append_padded(out, microseconds % 1000, 3);
}

void append_keys(std::string& out, const std::vector<std::string>& keys) {
  out += '[';
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, keys[i]);
  }
  out += ']';
}

void append_flag(std::string& out, std::string_view key, bool value) {
  append_key(out, key);
  append_key(out, value ? std::string_view("true") : std::string_view("false"));
}

void append_count(std::string& out, std::string_view key, std::uint64_t count) {
  append_key(out, key);
  append_number(out, count);
}

void append_websocket(std::string& out, const std::optional<inspect::WebSocketCounts>& counts) {
  append_key(out, R"(,"websocket":)");
  if (!counts) {
    append_key(out, "null");
    return;
  }
  append_count(out, R"({"client_frames":)", counts->client_frames);
  append_count(out, R"(,"server_frames":)", counts->server_frames);
  append_count(out, R"(,"client_bytes":)", counts->client_bytes);
  append_count(out, R"(,"server_bytes":)", counts->server_bytes);
  out += '}';
}

void append_request(std::string& out, const Summary& summary) {
  append_key(out, R"(,"http":)");
  append_quoted(out, http_text(summary.http));
  append_key(out, R"(,"method":)");
  append_json_string(out, summary.method);
  append_key(out, R"(,"path":)");
  append_json_string(out, summary.path);
  append_key(out, R"(,"query_keys":)");
  append_keys(out, summary.query_keys);
  append_key(out, R"(,"path_template":)");
  append_json_string(out, summary.path_template);
  append_key(out, R"(,"status":)");
  append_or_null(out, summary.status);
  append_key(out, R"(,"grpc_status":)");
  append_or_null(out, summary.grpc_status);
  append_count(out, R"(,"request_bytes":)", summary.request_bytes);
  append_count(out, R"(,"response_bytes":)", summary.response_bytes);
  append_key(out, R"(,"duration_ms":)");
  append_duration(out, summary.duration);
  append_key(out, R"(,"user_agent":)");
  append_text_or_null(out, summary.user_agent);
}

void append_handshake(std::string& out, const Summary& summary) {
  append_key(out, R"(,"service":)");
  append_text_or_null(out, summary.service);
  append_key(out, R"(,"duration_ms":)");
  append_duration(out, summary.duration);
}

void append_extra(std::string& out, const Summary& summary) {
  append_key(out, R"(,"host":)");
  append_text_or_null(out, summary.host);
  append_key(out, R"(,"service":)");
  append_text_or_null(out, summary.service);
  append_key(out, R"(,"account":)");
  append_hash(out, summary.account);
  append_websocket(out, summary.websocket);
  append_flag(out, R"(,"lossy":)", summary.lossy);
  append_flag(out, R"(,"truncated":)", summary.truncated);
  append_flag(out, R"(,"reset":)", summary.reset);
}

bool is_lost(const std::string& text) { return !is_ascii(text) && !is_utf8(text); }

std::string hex_of(const std::string& text) { return to_hex(std::as_bytes(std::span(text))); }

std::uint64_t below_microsecond(std::chrono::nanoseconds time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0)) % 1000;
}

bool has_more(const Summary& summary) {
  return summary.session_before || summary.account_before || summary.api_operation != 0 || summary.api_facts != 0 ||
         summary.attacks != 0 || summary.connection.proxied || !summary.connection.proven;
}

bool says_all(const Summary& summary) {
  const auto texts = exact_texts(summary);
  return !has_more(summary) && below_microsecond(summary.began.time_since_epoch()) == 0 &&
         below_microsecond(summary.duration) == 0 &&
         std::ranges::none_of(texts, [](const auto& text) { return is_lost(*text.text); }) &&
         std::ranges::none_of(summary.query_keys, is_lost);
}

void add_more(Json& exact, const Summary& summary) {
  if (summary.connection.proxied) exact["connection_proxied_ip"] = summary.connection.proxied->to_string();
  if (!summary.connection.proven) exact["proven"] = false;
  if (summary.session_before) exact["session_before"] = to_hex(*summary.session_before);
  if (summary.account_before) exact["account_before"] = to_hex(*summary.account_before);
  if (summary.api_operation != 0) exact["api_operation"] = summary.api_operation;
  if (summary.api_facts != 0) exact["api_facts"] = summary.api_facts;
  if (summary.attacks != 0) exact["attacks"] = summary.attacks;
}

// What the keys before do not say, or could only say rounded or replaced; for `rules test --summaries`.
void append_exact(std::string& out, const Summary& summary) {
  if (says_all(summary)) return;
  Json exact = Json::object();
  if (const auto rest = below_microsecond(summary.began.time_since_epoch()); rest != 0) exact["time_ns"] = rest;
  if (const auto rest = below_microsecond(summary.duration); rest != 0) exact["duration_ns"] = rest;
  for (const auto& text : exact_texts(summary)) {
    if (is_lost(*text.text)) exact[text.key] = hex_of(*text.text);
  }
  if (std::ranges::any_of(summary.query_keys, is_lost)) {
    for (const std::string& name : summary.query_keys) exact["query_keys"].push_back(hex_of(name));
  }
  add_more(exact, summary);
  append_key(out, R"(,"exact":)");
  out += exact.dump();
}

void append_flags(std::string& out, behavior::Field field, std::uint8_t bits) {
  out += '[';
  bool first = true;
  for (const behavior::FlagInfo& flag : behavior::flags_of(field)) {
    if ((bits & flag.bit) == 0) continue;
    if (!first) out += ',';
    append_quoted(out, flag.name);
    first = false;
  }
  out += ']';
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  if (is_plain_json(text)) return append_quoted(out, text);
  out += escape_json(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string_view tls_text(TlsVersion version) {
  constexpr std::array<std::string_view, 5> kNames{"", "1.0", "1.1", "1.2", "1.3"};
  return kNames[static_cast<std::size_t>(version)];
}

std::string_view kind_text(inspect::SummaryKind kind) {
  constexpr std::array<std::string_view, 5> kNames{"request", "handshake", "stalled", "unread", "payload"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string_view http_text(HttpVersion version) {
  constexpr std::array<std::string_view, 3> kNames{"1.0", "1.1", "2"};
  return kNames[static_cast<std::size_t>(version)];
}

std::string_view SummaryJson::text_of(const Address& address) {
  Known& known = known_[(address.lo ^ (address.lo >> 8) ^ (address.lo >> 16) ^ address.hi) % known_.size()];
  if (known.text.empty() || known.address != address) known = {address, address.to_string()};
  return known.text;
}

void SummaryJson::append_time(std::string& out, WallTime time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
  if (second != second_) {
    second_ = second;
    second_text_ = to_rfc3339(WallTime(second));
    second_text_.pop_back();  // the Z
  }
  out += second_text_;
  out += '.';
  append_padded(out, static_cast<std::uint64_t>((time.time_since_epoch() - second).count() / 1000), 6);
  out += 'Z';
}

void SummaryJson::append_api(std::string& out, const Summary& summary) const {
  append_key(out, R"(,"operation":)");
  append_text_or_null(out, behavior::operation_name(operations_, summary));
  append_key(out, R"(,"api":)");
  append_flags(out, behavior::Field::kApi, summary.api_facts);
}

void SummaryJson::append(std::string& out, const Summary& summary) {
  const inspect::ConnectionFacts& connection = summary.connection;
  append_key(out, "{\"time\":\"");
  append_time(out, summary.began);
  append_key(out, "\",\"client_ip\":\"");
  out += text_of(connection.flow.client.address);
  append_key(out, "\",\"client_port\":");
  append_number(out, connection.flow.client.port);
  append_key(out, ",\"server_ip\":\"");
  out += text_of(connection.flow.server.address);
  append_key(out, "\",\"server_port\":");
  append_number(out, connection.flow.server.port);
  append_key(out, R"(,"tls":)");
  append_text_or_null(out, tls_text(connection.tls));
  append_key(out, R"(,"sni":)");
  append_text_or_null(out, connection.sni);
  append_key(out, R"(,"alpn":)");
  append_text_or_null(out, connection.alpn);
  append_key(out, R"(,"ja4":)");
  append_text_or_null(out, connection.ja4);
  const bool handshake = summary.kind == inspect::SummaryKind::kHandshake;
  if (!handshake) {
    append_request(out, summary);
    append_key(out, R"(,"session":)");
    append_hash(out, summary.session);
  }
  append_key(out, R"(,"proxied_ip":)");
  append_text_or_null(out, summary.proxied ? text_of(*summary.proxied) : "");
  handshake ? append_handshake(out, summary) : append_extra(out, summary);
  if (!handshake) append_api(out, summary);
  if (kinds_) {
    append_key(out, R"(,"kind":)");
    append_quoted(out, kind_text(summary.kind));
  }
  if (summary.kind == inspect::SummaryKind::kPayload) {
    append_key(out, R"(,"attacks":)");
    append_flags(out, behavior::Field::kAttack, summary.attacks);
  }
  append_exact(out, summary);
  append_key(out, "}\n");
}

}  // namespace tidegate::cli
