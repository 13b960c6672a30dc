// SPDX-License-Identifier: Apache-2.0
// The one interface between the layers of the inspector: TCP hands bytes up to TLS, TLS to HTTP, in this form.
#pragma once

#include <cstdint>

#include "agent/base/clock.hpp"
#include "agent/inspect/model/flow.hpp"

namespace tidegate::inspect {

enum class StreamEnd : std::uint8_t {
  kFinished,  // FIN, or close_notify
  kReset,     // RST, or a fatal alert
  kEvicted,   // given up here: memory, idle time, or the end of the capture
};

// Receives the two directions of one connection. Used by one thread. The bytes live only during the call. After a gap
// the receiver resynchronises or gives up by itself; nothing throws. `time` is that of the packet that completed them.
class StreamSink {
 public:
  virtual ~StreamSink() = default;

  // The next bytes of this direction, in order.
  virtual void data(Direction direction, Bytes bytes, WallTime time) = 0;
  // As many of the next bytes are left out because ignores() allowed it. Their number is exact.
  virtual void skipped(Direction direction, std::uint64_t size, WallTime time) = 0;
  // Bytes were lost. Their number is exact unless it is 0, which means unknown.
  virtual void gap(Direction direction, std::uint64_t size, WallTime time) = 0;
  // Nothing more comes in this direction. At most once each.
  virtual void end(Direction direction, StreamEnd how, WallTime time) = 0;

  // How many of the next bytes of this direction mean nothing to this sink beyond their number, as known now. The layer
  // below may then call skipped() for any part of them.
  virtual std::uint64_t ignores(Direction direction) const = 0;

  // The client was seen to receive what the server sends (tcp/proof.hpp): its address is not forged. Told once at most,
  // before what the same segment brings.
  virtual void proven() {}
  // Whoever receives this direction takes no more for now (its TCP window is 0), or does again. Told when it changes.
  virtual void full(Direction /*direction*/, bool /*is_full*/, WallTime /*time*/) {}
};

}  // namespace tidegate::inspect
