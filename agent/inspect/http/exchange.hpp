// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "agent/inspect/http/identity.hpp"
#include "agent/inspect/http/kept_bytes.hpp"
#include "agent/inspect/model/summary.hpp"

namespace tidegate::inspect::http {

// Text of a summary that every exchange is charged for; more is charged when it is known.
inline constexpr std::size_t kUsualText = 512;

// What a request asks the connection, or its stream, to become.
enum class Upgrade : std::uint8_t { kNone, kTunnel, kWebSocket, kHttp2 };

// A request and its response, while they are read. Objects are reused: their strings keep their memory.
struct Exchange {
  explicit Exchange(MemoryBudget& budget) : body(budget), target(budget), payload_head(budget), payload_body(budget) {}

  Summary summary;
  WallTime last{};                 // of the bytes that the duration goes to
  Exchange* next = nullptr;        // the request after this one (HTTP/1)
  std::uint64_t charged = 0;       // taken from the budget
  std::uint64_t owner = 0;         // whose facts are in the summary
  std::uint64_t generation = 0;    // of the settings that it was begun under
  KeptBytes body;                  // content that may hold an identity
  KeptBytes target;                // path and query that wait for the method, to be held against a description
  KeptBytes payload_head;          // of a request that is sampled: see model/payload.hpp
  KeptBytes payload_body;          // likewise
  std::uint32_t payload_left = 0;  // bytes of the body that are still kept for it
  std::uint16_t payload_fields = 0;
  BodyKind body_kind = BodyKind::kNone;
  Upgrade upgrade = Upgrade::kNone;
  bool encoded = false;  // the content has a content coding
  bool has_forwarded_for = false;
  bool wants_body = false;      // the content is looked at, for one of the following
  bool seeks_identity = false;  // in the content
  bool sampled = false;         // its payload is kept to be examined
  bool payload_cut = false;     // not all of it
  bool head_there = false;      // the request is known well enough to read a response
  bool is_head = false;         // HEAD
  bool is_connect = false;
  bool is_simple = false;  // HTTP/0.9: the response is content alone
  bool untold = false;     // a request line that is none: it takes an answer, but is no request to tell of
  bool request_done = false;
  bool response_begun = false;
  bool response_done = false;
  bool told = false;    // that it stalls
  bool unread = false;  // it was told that the client does not take the response
  bool tunnel = false;  // what follows the heads belongs to both sides alike

  void request_bytes(std::uint64_t size, WallTime time) {
    summary.request_bytes += size;
    if ((!response_begun || tunnel) && time > last) last = time;
  }
  void response_bytes(std::uint64_t size, WallTime time) {
    summary.response_bytes += size;
    if (!response_begun || time > last) last = time;
    response_begun = true;
  }
};

}  // namespace tidegate::inspect::http
