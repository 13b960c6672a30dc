// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <memory>
#include <optional>

#include "agent/inspect/model/stream.hpp"

namespace tidegate::inspect::http {

inline constexpr std::uint64_t kEverything = std::numeric_limits<std::uint64_t>::max();

// Reads one version of HTTP. What StreamSink says holds; but a direction may have to wait for the other one, because
// what its bytes mean depends on it.
class Reader {
 public:
  virtual ~Reader() = default;

  // How many of these bytes were taken; fewer than all: this direction waits. Unless it `may_wait`, all are taken, as
  // well as can be done.
  virtual std::size_t data(Direction direction, Bytes bytes, WallTime time, bool may_wait) = 0;
  // These are never called while data() of the same direction waits.
  virtual void skipped(Direction direction, std::uint64_t size, WallTime time) = 0;
  virtual void gap(Direction direction, std::uint64_t size, WallTime time) = 0;
  virtual void end(Direction direction, StreamEnd how, WallTime time) = 0;
  virtual std::uint64_t ignores(Direction direction) const = 0;
  // Finishes what is open: neither direction brings anything more.
  virtual void close(StreamEnd how) = 0;
  // As HttpStream says.
  virtual bool coming() const = 0;
  virtual std::optional<WallTime> tell_stalled(WallTime now) = 0;
  virtual bool tell_unread(WallTime now) = 0;
  virtual bool asked() const = 0;
  // What reads the rest of the connection from here on; nullptr: this one.
  virtual std::unique_ptr<Reader> successor() { return nullptr; }
};

}  // namespace tidegate::inspect::http
