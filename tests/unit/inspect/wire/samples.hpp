// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <random>
#include <string>

#include "agent/inspect/model/summary.hpp"
#include "agent/inspect/wire/messages.hpp"

namespace tidegate::inspect {

inline Flow sample_flow() { return {{Address::from_v4(0xc0000207), 40000}, {*Address::parse("2001:db8::1"), 443}}; }

inline Summary full_summary() {
  Summary summary;
  summary.kind = SummaryKind::kPayload;
  summary.sequence = 77;
  summary.began = WallTime(std::chrono::nanoseconds(1'900'000'000'123'456'789));
  summary.duration = std::chrono::microseconds(1500);
  summary.connection = {.flow = sample_flow(),
                        .proxied = Address::from_v4(0xcb007105),
                        .tls = TlsVersion::k13,
                        .sni = "www.example.org",
                        .alpn = "h2",
                        .ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1",
                        .proven = true};
  summary.service = "api";
  summary.proxied = Address::from_v4(0xcb007106);
  summary.http = HttpVersion::k2;
  summary.method = "POST";
  summary.host = "www.example.org";
  summary.path = "/orders/17";
  summary.path_template = "/orders/{}";
  summary.query_keys = {"a", "b"};
  summary.status = 200;
  summary.grpc_status = 5;
  summary.request_bytes = 1234;
  summary.response_bytes = 56'000'000'000;
  summary.user_agent = "curl/7.88.1";
  summary.session.emplace().fill(std::byte{7});
  summary.account.emplace().fill(std::byte{9});
  summary.session_before.emplace().fill(std::byte{8});
  summary.account_before.emplace().fill(std::byte{10});
  summary.api_operation = 513;
  summary.api_facts = kApiDeprecated | kApiInvalidQuery;
  summary.attacks = kAttackXss | kAttackCommand;
  summary.websocket = WebSocketCounts{1, 2, 3, 4};
  summary.truncated = summary.lossy = summary.reset = true;
  return summary;
}

// Every field, in one comparable text.
inline std::string text_of(const Summary& s) {
  const auto address = [](const std::optional<Address>& a) { return a ? a->to_string() : "-"; };
  const auto number = [](const auto& n) { return n ? std::to_string(*n) : "-"; };
  const auto hash = [](const auto& h) {
    return h ? std::string(reinterpret_cast<const char*>(h->data()), h->size()) : "-";
  };
  const ConnectionFacts& c = s.connection;
  std::string text =
      std::to_string(static_cast<int>(s.kind)) + "|" + hash(s.session_before) + "|" + hash(s.account_before) + "|" +
      std::to_string(s.api_operation) + "|" + std::to_string(s.api_facts) + "|" + std::to_string(s.attacks) + "|" +
      std::to_string(s.sequence) + "|" + std::to_string(s.began.time_since_epoch().count()) + "|" +
      std::to_string(s.duration.count()) + "|" + c.flow.client.address.to_string() + "|" +
      std::to_string(c.flow.client.port) + "|" + c.flow.server.address.to_string() + "|" +
      std::to_string(c.flow.server.port) + "|" + address(c.proxied) + "|" + std::to_string(static_cast<int>(c.tls)) +
      "|" + c.sni + "|" + c.alpn + "|" + c.ja4 + "|" + s.service + "|" + address(s.proxied) + "|" +
      std::to_string(static_cast<int>(s.http)) + "|" + s.method + "|" + s.host + "|" + s.path + "|" + s.path_template +
      "|" + number(s.status) + "|" + number(s.grpc_status) + "|" + std::to_string(s.request_bytes) + "|" +
      std::to_string(s.response_bytes) + "|" + s.user_agent + "|" + hash(s.session) + "|" + hash(s.account) + "|";
  for (const std::string& key : s.query_keys) text += key + ",";
  if (s.websocket) {
    text += std::to_string(s.websocket->client_frames) + "," + std::to_string(s.websocket->server_frames) + "," +
            std::to_string(s.websocket->client_bytes) + "," + std::to_string(s.websocket->server_bytes);
  }
  return text + "|" + std::to_string(c.proven * 8 + s.truncated * 4 + s.lossy * 2 + s.reset);
}

}  // namespace tidegate::inspect
