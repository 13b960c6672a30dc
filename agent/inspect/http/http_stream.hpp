// SPDX-License-Identifier: Apache-2.0
// One HTTP connection in the clear: bytes of both directions in, a summary for each request out.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "agent/inspect/model/counters.hpp"
#include "agent/inspect/model/memory.hpp"
#include "agent/inspect/model/settings.hpp"
#include "agent/inspect/model/stream.hpp"
#include "agent/inspect/model/summary.hpp"

namespace tidegate::inspect {

struct HttpLimits {
  std::size_t header_bytes = 64 << 10;   // of one request or response, decompressed; beyond: skipped and counted
  std::size_t streams = 256;             // HTTP/2 streams followed at once; HTTP/1 requests without a response yet
  std::size_t identity_body = 16 << 10;  // body bytes kept to find an account field in
};

// How long a request may be on its way before that is told (SummaryKind::kStalled), and a connection may make none.
inline constexpr std::chrono::seconds kStallsAfter{10};

// Shared by the connections of one worker: settings, identity hash, bounds. set_settings() may be called between
// packets.
class HttpContext;
struct HttpContextDeleter {
  void operator()(HttpContext* context) const;
};
using HttpContextPtr = std::unique_ptr<HttpContext, HttpContextDeleter>;
HttpContextPtr make_http_context(const HttpLimits& limits, const Settings& settings, SummarySink& sink,
                                 MemoryBudget& budget, Counters& counters);
void set_settings(HttpContext& context, const Settings& settings);

// HTTP/1.0, 1.1 (RFC 9112) or HTTP/2 (RFC 9113), told apart by how the client begins, by ALPN in `facts`, and by a
// change of protocol (h2c, WebSocket). Facts may be completed until the first data(), `proven` ever after. After a gap:
// HTTP/1 resynchronises at the next request line, HTTP/2 gives up what HPACK state no longer allows, and what was open
// is finished as lossy. Data of a direction may come ahead of the other one (late keys); what must wait for it is kept
// within bounds.
class HttpStream : public StreamSink {
 public:
  virtual ConnectionFacts& facts() = 0;

  // Whether a request has begun to come and has not come whole. Cheap.
  virtual bool coming() const = 0;
  // Tells of each such request that began kStallsAfter before `now`, has no answer, lost no bytes and was not told of
  // before. When the next one began that may have to be told of; nullopt: there is none yet.
  virtual std::optional<WallTime> tell_stalled(WallTime now) = 0;
  // Of a client that takes nothing: tells of each request that began kStallsAfter before `now` and has no whole
  // response, if it was not told of before. Whether there is one that may have to be told of later.
  virtual bool tell_unread(WallTime now) = 0;
  // Whether the client said anything that is, or could be, part of a request.
  virtual bool asked() const = 0;
};

std::unique_ptr<HttpStream> make_http_stream(HttpContext& context, const ConnectionFacts& facts, bool mid_stream);

// Tells of a connection that shook hands and made no request.
void tell_handshake(HttpContext& context, const ConnectionFacts& facts, WallTime began, WallTime now);

// PROXY protocol v1 and v2 at the very beginning of a connection (HAProxy's proxy-protocol.txt).
struct ProxyHeader {
  enum class State { kNone, kIncomplete, kThere, kMalformed } state = State::kNone;
  std::size_t size = 0;            // of kThere: bytes to take off
  std::optional<Endpoint> client;  // none: LOCAL or UNKNOWN
};
ProxyHeader read_proxy_header(Bytes beginning);

}  // namespace tidegate::inspect
