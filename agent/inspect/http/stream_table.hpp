// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "agent/inspect/http/exchange.hpp"
#include "agent/inspect/http/websocket.hpp"

namespace tidegate::inspect::http {

// A stream of HTTP/2 that a client opened.
struct Http2Stream {
  struct Frames {
    FrameCounter to_server;
    FrameCounter to_client;
  };

  std::uint32_t id = 0;
  Exchange* exchange = nullptr;
  std::unique_ptr<Frames> frames;     // of a WebSocket connection (RFC 8441)
  std::optional<WallTime> cancelled;  // when the client did so, before anything of the server was seen
};

// The open ones, by id. Clients open them in ascending order, so that they stay sorted.
class StreamTable {
 public:
  using Streams = std::vector<Http2Stream>;

  Http2Stream* find(std::uint32_t id);
  // `id` is higher than all there are.
  Http2Stream& add(std::uint32_t id, Exchange* exchange);
  void erase(std::uint32_t id);
  // The one that is missed least: answered or cancelled, else the oldest. Not empty.
  std::uint32_t least_needed() const;
  Streams& all() { return streams_; }
  std::size_t size() const { return streams_.size(); }

 private:
  Streams streams_;
};

}  // namespace tidegate::inspect::http
