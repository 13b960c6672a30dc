// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace tidegate::inspect::http {

// The header fields that mean something here.
enum class Field : std::uint8_t {
  kOther,
  kMethod,     // :method, and so on: HTTP/2 only
  kPath,       // :path
  kAuthority,  // :authority
  kProtocol,   // :protocol (RFC 8441)
  kStatus,     // :status
  kHost,
  kUserAgent,
  kCookie,
  kAuthorization,
  kContentLength,
  kContentType,
  kContentEncoding,
  kTransferEncoding,
  kUpgrade,
  kForwardedFor,  // X-Forwarded-For
  kForwarded,     // RFC 7239
  kGrpcStatus,
};

// By name, in any case.
Field field_of(std::string_view name);

}  // namespace tidegate::inspect::http
