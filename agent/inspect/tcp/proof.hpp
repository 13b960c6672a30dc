// SPDX-License-Identifier: Apache-2.0
// Whether the client of a connection is where its address says. Who forges that address can send any segment of the
// client, sees none of the server, and has each answered by the server's kernel. So nothing counts that those answers
// repeat: a RST says where the segment that it answers was (RFC 9293, 3.10.7), and an ACK may come before the handshake
// is complete.
#pragma once

#include <cstdint>
#include <optional>

#include "agent/inspect/capture/packet.hpp"
#include "agent/inspect/model/flow.hpp"
#include "agent/inspect/tcp/half_stream.hpp"

namespace tidegate::inspect {

// Given when the client's acknowledgement is the very number that the server is at, which only who receives the
// server's segments knows (the handshake's ACK is one such); or when the server sends bytes and acknowledges the very
// end of what the client sent, which it does of an established connection alone. Each forged segment has one chance in
// 2^32. Only segments that follow what is read of the client speak for it, for both may send: its owner must not vouch
// for what was forged before. Once given, it stays.
class Proof {
 public:
  bool given() const { return given_; }
  // The server's SYN-ACK said that its first byte has this number.
  void expect(std::uint32_t server_next) { server_next_ = server_next; }
  // A segment without SYN and RST, before its own bytes are read and after what it acknowledges. `client` is read from
  // where the proof was given on, if it was not before. True: this gives it, and none was given before.
  bool take(Direction direction, const Segment& segment, HalfStream& client);

 private:
  bool from_client(const Segment& segment, const HalfStream& client);
  bool from_server(const Segment& segment, const HalfStream& client);

  std::optional<std::uint32_t> server_next_;   // what the server would send next
  std::optional<std::uint32_t> client_knows_;  // what the client said last of that
  std::optional<std::uint32_t> client_next_;   // of the client, as long as nothing of it is read
  bool given_ = false;
};

}  // namespace tidegate::inspect
