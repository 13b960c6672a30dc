// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/inspect/http/hpack.hpp"
#include "agent/inspect/http/http2_frame.hpp"
#include "agent/inspect/http/http2_reader.hpp"
#include "agent/inspect/http/stream_table.hpp"

namespace tidegate::inspect::http {

// HTTP/2 (RFC 9113). A response waits for its request; a request waits while the table of streams is full and the
// server is behind. What cannot be read ends the connection: without its header tables nothing later can be.
class Http2Reader final : public Reader, private FieldSink {
 public:
  Http2Reader(Connection& connection, Preface preface);
  ~Http2Reader() override { close(StreamEnd::kEvicted); }

  // The request of this exchange became stream 1.
  void adopt(Exchange* upgraded);

  std::size_t data(Direction direction, Bytes bytes, WallTime time, bool may_wait) override;
  void skipped(Direction direction, std::uint64_t size, WallTime time) override;
  void gap(Direction direction, std::uint64_t size, WallTime time) override;
  void end(Direction direction, StreamEnd how, WallTime time) override;
  std::uint64_t ignores(Direction direction) const override;
  void close(StreamEnd how) override;
  bool coming() const override { return coming_ > 0 || request_ != nullptr; }
  std::optional<WallTime> tell_stalled(WallTime now) override;
  bool tell_unread(WallTime now) override;
  bool asked() const override { return asked_; }

 private:
  enum class Block : std::uint8_t { kNone, kRequest, kResponse, kTrailers, kUnwanted };

  // One direction.
  struct Side {
    explicit Side(HpackMemory& memory) : hpack(memory) {}

    FrameWalker walker;
    HpackDecoder hpack;
    // The header block that is being read.
    Block block = Block::kNone;
    bool block_ends_stream = false;
    bool block_too_large = false;
    std::uint32_t block_stream = 0;
    std::size_t block_size = 0;    // as sent
    std::size_t block_sent = 0;    // with the heads of its frames: empty ones cost too
    std::size_t block_fields = 0;  // decoded, with 32 bytes each (RFC 9113, 6.5.2)
    // Of a frame whose payload matters: its first bytes.
    std::uint32_t number = 0;
    std::uint8_t number_bytes = 0;
    WallTime began{};  // of the frame
    bool settings_seen = false;
    bool ended = false;
    bool lost = false;  // its header table no longer follows the peer's
  };

  void field(std::string_view name, std::string_view value) override;
  void request_field(Exchange& exchange, std::string_view name, std::string_view value);
  void response_field(Exchange& exchange, std::string_view name, std::string_view value);

  bool take_preface(std::string_view& rest);
  bool step(Direction direction, std::string_view& rest, WallTime time, bool may_wait);
  bool must_wait(Direction direction, WallTime time, bool may_wait);
  bool begin_frame(Direction direction);
  bool begin_block(Direction direction);
  Block block_of(Direction direction, std::uint32_t stream);
  bool take_payload(Direction direction, std::string_view& rest, WallTime time);
  bool take_block(Direction direction, std::string_view content);
  void take_data(Direction direction, std::string_view content, std::uint64_t size, WallTime time, bool lossy);
  void take_number(Side& side, std::string_view content);
  void pass(Direction direction, std::uint64_t size, WallTime time, bool lossy);
  void end_frame(Direction direction, WallTime time);
  void end_block(Direction direction, WallTime time);
  void begin_request(WallTime time);
  void direction_ends(Direction direction, std::uint32_t stream);
  void reset(Direction direction, std::uint32_t stream);
  void refused_beyond(std::uint32_t last);

  void make_room();
  void finish(std::uint32_t stream, Ending ending);
  void finish_open(Ending ending);
  void finish_cancelled();
  void lose(Direction direction);
  // Requests get no answer any more that is understood.
  bool unanswered() const { return server_.ended || server_.lost; }
  void give_up(Ending ending);
  void malformed();

  Side& side(Direction direction) { return direction == Direction::kToServer ? client_ : server_; }
  const Side& side(Direction direction) const { return direction == Direction::kToServer ? client_ : server_; }

  Connection& connection_;
  Side client_;
  Side server_;
  StreamTable streams_;
  Exchange* request_ = nullptr;   // whose header block is being read
  Exchange* response_ = nullptr;  // likewise, of the server
  Direction decoding_ = Direction::kToServer;
  std::uint8_t preface_left_;
  std::uint16_t status_ = 0;       // of the response block being read
  std::uint32_t last_stream_ = 0;  // that the client has opened
  std::size_t cancelled_ = 0;      // streams that are
  std::size_t coming_ = 0;         // streams whose requests are not there whole
  WallTime server_time_{};         // as far as the server was seen
  bool server_seen_ = false;
  bool asked_ = false;  // a request began, or the client could not be read
  bool over_ = false;
};

}  // namespace tidegate::inspect::http
