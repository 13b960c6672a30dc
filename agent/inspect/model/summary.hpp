// SPDX-License-Identifier: Apache-2.0
// What leaves the sandbox of one HTTP request: no body, no cookie, no authorization, no query value.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/inspect/model/flow.hpp"
#include "agent/inspect/model/payload.hpp"

namespace tidegate::inspect {

// A keyed hash of who is behind a request; equal values are equal identities until the key is replaced.
using IdentityHash = std::array<std::byte, 16>;

enum class TlsVersion : std::uint8_t { kNone, k10, k11, k12, k13 };
enum class HttpVersion : std::uint8_t { k10, k11, k2 };

// What a summary tells of.
enum class SummaryKind : std::uint8_t {
  kRequest,    // a request that is over
  kHandshake,  // a TLS connection that made no request; of the request there is nothing
  kStalled,    // a request that has not become complete for a while; its end is told as well, later
  kUnread,     // a request whose client does not take the response; its end is told as well, later
  kPayload,    // what a slower look into a request found; that request was told before
};

// How a request relates to the service's API description (OpenAPI), one bit each.
enum ApiFact : std::uint8_t {
  kApiUnknownPath = 1,      // no path of the description fits
  kApiWrongMethod = 2,      // the path has no such operation
  kApiDeprecated = 4,       // the operation is
  kApiUndeclaredQuery = 8,  // a query key that the operation does not declare
  kApiInvalidPath = 16,     // a path parameter violates its schema
  kApiInvalidQuery = 32,    // a query parameter violates its schema, or a required one is missing
};
inline constexpr std::uint8_t kAllApiFacts = 63;

// What the payload of a request attempts, one bit each.
enum AttackFact : std::uint8_t {
  kAttackSql = 1,        // SQL injection
  kAttackXss = 2,        // cross-site scripting
  kAttackTraversal = 4,  // path traversal, inclusion of files
  kAttackCommand = 8,    // injection of commands or code
};
inline constexpr std::uint8_t kAllAttackFacts = 15;

// Bounds of what a peer chooses; longer values are cut, and the summary says so by `truncated`.
inline constexpr std::size_t kLongestMethod = 32;
inline constexpr std::size_t kLongestPath = 2048;
inline constexpr std::size_t kLongestHost = 255;
inline constexpr std::size_t kLongestUserAgent = 256;
inline constexpr std::size_t kMostQueryKeys = 32;
inline constexpr std::size_t kLongestQueryKey = 64;

// What is known of a connection before its first request.
struct ConnectionFacts {
  Flow flow;
  std::optional<Address> proxied;  // the client that a PROXY header from a trusted proxy names
  TlsVersion tls = TlsVersion::kNone;
  std::string sni;
  std::string alpn;
  std::string ja4;
  // The client was seen to receive what the server sends. Else somebody may have forged its address, and what the
  // connection did is held against nobody.
  bool proven = false;
};

// Frames of a WebSocket connection (RFC 6455), by sender. Sizes are of payloads.
struct WebSocketCounts {
  std::uint64_t client_frames = 0;
  std::uint64_t server_frames = 0;
  std::uint64_t client_bytes = 0;
  std::uint64_t server_bytes = 0;
};

struct Summary {
  SummaryKind kind = SummaryKind::kRequest;
  std::uint64_t sequence = 0;  // from SummarySink::began: the order in which they began, other events were told
  WallTime began{};            // first byte of the request
  std::chrono::nanoseconds duration{0};  // to the last byte seen of the response, or of the request without one
  ConnectionFacts connection;
  std::string service;             // of the settings; empty: none (offline)
  std::optional<Address> proxied;  // who a trusted proxy says is asking, by header or PROXY protocol
  HttpVersion http = HttpVersion::k11;
  std::string method;
  std::string host;  // authority, without userinfo
  std::string path;  // without query
  std::string path_template;
  std::vector<std::string> query_keys;
  std::optional<std::uint16_t> status;  // the final one; none: no response was seen
  std::optional<std::uint32_t> grpc_status;
  std::uint64_t request_bytes = 0;  // head and body as sent, before content decoding
  std::uint64_t response_bytes = 0;
  std::string user_agent;
  std::optional<IdentityHash> session;
  std::optional<IdentityHash> account;
  // The same under the key before the present one, as long as windows may reach back to it.
  std::optional<IdentityHash> session_before;
  std::optional<IdentityHash> account_before;
  std::uint16_t api_operation = 0;  // counted from 1 in the service's API description; 0: none
  std::uint8_t api_facts = 0;       // bits of ApiFact
  std::uint8_t attacks = 0;         // bits of AttackFact; of kPayload only
  std::optional<WebSocketCounts> websocket;
  bool truncated = false;  // a value was longer than its bound
  bool lossy = false;      // bytes of it were lost: sizes are lower bounds
  bool reset = false;      // the stream or connection was reset before the response ended
};

// Takes summaries. Used by one thread.
class SummarySink {
 public:
  virtual ~SummarySink() = default;
  // A request began, or another event is told at once. Each is finished exactly once.
  virtual std::uint64_t began() = 0;
  virtual void finished(const Summary& summary) = 0;
  // The payload of a request that was sampled; both live during the call. The summary is one of kind kPayload without
  // findings. False: it could not be passed on.
  virtual bool sampled(const Summary& /*summary*/, const Payload& /*payload*/) { return false; }
};

}  // namespace tidegate::inspect
