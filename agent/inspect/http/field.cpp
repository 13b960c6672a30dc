// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/field.hpp"

#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect::http {
namespace {

Field when(std::string_view name, std::string_view lowercase, Field field) {
  return equals_any_case(name, lowercase) ? field : Field::kOther;
}

Field either(std::string_view name, std::string_view first, Field one, std::string_view second, Field other) {
  return equals_any_case(name, first) ? one : when(name, second, other);
}

}  // namespace

// The length leaves one or two candidates.
Field field_of(std::string_view name) {
  switch (name.size()) {
    case 4:
      return when(name, "host", Field::kHost);
    case 5:
      return when(name, ":path", Field::kPath);
    case 6:
      return when(name, "cookie", Field::kCookie);
    case 7:
      return name.front() == ':' ? either(name, ":method", Field::kMethod, ":status", Field::kStatus)
                                 : when(name, "upgrade", Field::kUpgrade);
    case 9:
      return either(name, ":protocol", Field::kProtocol, "forwarded", Field::kForwarded);
    case 10:
      return either(name, "user-agent", Field::kUserAgent, ":authority", Field::kAuthority);
    case 11:
      return when(name, "grpc-status", Field::kGrpcStatus);
    case 12:
      return when(name, "content-type", Field::kContentType);
    case 13:
      return when(name, "authorization", Field::kAuthorization);
    case 14:
      return when(name, "content-length", Field::kContentLength);
    case 15:
      return when(name, "x-forwarded-for", Field::kForwardedFor);
    case 16:
      return when(name, "content-encoding", Field::kContentEncoding);
    case 17:
      return when(name, "transfer-encoding", Field::kTransferEncoding);
    default:
      return Field::kOther;
  }
}

}  // namespace tidegate::inspect::http
