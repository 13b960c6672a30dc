// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "agent/inspect/http/connection.hpp"
#include "agent/inspect/http/reader.hpp"

namespace tidegate::inspect::http {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113, 3.4
enum class Preface : std::uint8_t { kExpected, kSeen };

std::unique_ptr<Reader> make_http2_reader(Connection& connection, Preface preface);

// After an upgrade (RFC 7540, 3.2), whose request is stream 1.
std::unique_ptr<Reader> make_upgraded_http2_reader(Connection& connection, Exchange* upgraded);

}  // namespace tidegate::inspect::http
