// SPDX-License-Identifier: Apache-2.0
// Requests as JSON, written without a document in between: there may be millions of them.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <type_traits>

#include "agent/behavior/match.hpp"
#include "agent/inspect/model/summary.hpp"
#include "agent/inspect/wire/summary_codec.hpp"

namespace tidegate::cli {

// Appends `text` as a JSON string: what would harm a terminal is escaped, bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

// Writes one object a line, keys as the contract has them. Used by one thread.
class SummaryJson {
 public:
  // `kinds`: each says what it is, by the key `kind`; a handshake has nothing of a request. What the operations of API
  // descriptions are called, by service; without it they have no name.
  explicit SummaryJson(bool kinds = false, behavior::OperationNames operations = {})
      : kinds_(kinds), operations_(std::move(operations)) {}

  void append(std::string& out, const inspect::Summary& summary);

 private:
  // Texts of addresses that come again and again.
  std::string_view text_of(const Address& address);
  void append_time(std::string& out, WallTime time);
  void append_api(std::string& out, const inspect::Summary& summary) const;

  struct Known {
    Address address;
    std::string text;
  };
  bool kinds_;
  const behavior::OperationNames operations_;
  std::array<Known, 256> known_;
  std::chrono::seconds second_{-1};
  std::string second_text_;
};

// Texts that a peer chose, any bytes: those that are not UTF-8 are in `exact` as hexadecimal digits, under the same
// key.
template <typename Text>
struct ExactText {
  const char* key;
  Text* text;
  std::size_t most;  // bytes
};
template <typename Summary>  // inspect::Summary, const or not
auto exact_texts(Summary& summary) {
  auto& connection = summary.connection;
  using Text = std::remove_reference_t<decltype((summary.path))>;
  return std::array{ExactText<Text>{"method", &summary.method, inspect::kLongestMethod},
                    ExactText<Text>{"path", &summary.path, inspect::kLongestPath},
                    ExactText<Text>{"path_template", &summary.path_template, inspect::kLongestPath},
                    ExactText<Text>{"host", &summary.host, inspect::kLongestHost},
                    ExactText<Text>{"user_agent", &summary.user_agent, inspect::kLongestUserAgent},
                    ExactText<Text>{"sni", &connection.sni, inspect::wire::kLongestSni},
                    ExactText<Text>{"alpn", &connection.alpn, inspect::wire::kLongestAlpn},
                    ExactText<Text>{"ja4", &connection.ja4, inspect::wire::kLongestJa4}};
}

// "1.3", "1.2", …; empty: no TLS.
std::string_view tls_text(inspect::TlsVersion version);
// "request", "handshake", …
std::string_view kind_text(inspect::SummaryKind kind);
std::string_view http_text(inspect::HttpVersion version);

}  // namespace tidegate::cli
