// SPDX-License-Identifier: Apache-2.0
// Streams: what blocks and ends of frames mean to requests and responses.
#include <algorithm>
#include <utility>

#include "agent/inspect/http/http2_impl.hpp"
#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect::http {
namespace {

constexpr std::size_t kFieldOverhead = 32;  // RFC 9113, 6.5.2
constexpr std::size_t kLongestGrpcStatus = 9;

std::optional<std::uint32_t> number_of(std::string_view text, std::size_t longest) {
  if (text.empty() || text.size() > longest || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  std::uint32_t number = 0;
  for (const char c : text) number = number * 10 + static_cast<std::uint32_t>(c - '0');
  return number;
}

}  // namespace

// Of the block that is being decoded. Beyond the bound, fields are decoded for the sake of the table, and dropped.
void Http2Reader::field(std::string_view name, std::string_view value) {
  Side& from = side(decoding_);
  Exchange* exchange = decoding_ == Direction::kToServer ? request_ : response_;
  if (exchange == nullptr || from.block == Block::kUnwanted || from.block == Block::kTrailers) return;
  from.block_fields += name.size() + value.size() + kFieldOverhead;
  if (from.block_fields > connection_.context.limits.header_bytes) {
    if (!from.block_too_large) connection_.context.counters.add(Counter::kHeadersTooLarge);
    from.block_too_large = true;
    exchange->summary.truncated = true;
    return;
  }
  decoding_ == Direction::kToServer ? request_field(*exchange, name, value) : response_field(*exchange, name, value);
}

void Http2Reader::request_field(Exchange& exchange, std::string_view name, std::string_view value) {
  const Field known = field_of(name);
  switch (known) {
    case Field::kMethod:
      return connection_.fields.method(exchange, value);
    case Field::kPath:
      return connection_.fields.path(exchange, value);
    case Field::kProtocol:
      exchange.upgrade = value == "websocket" ? Upgrade::kWebSocket : Upgrade::kTunnel;
      return;
    default:
      connection_.fields.field(exchange, known, name, value);
  }
}

void Http2Reader::response_field(Exchange& exchange, std::string_view name, std::string_view value) {
  const Field known = field_of(name);
  if (known == Field::kStatus) {
    status_ = static_cast<std::uint16_t>(number_of(value, 3).value_or(0));
    if (status_ >= 200) exchange.summary.status = status_;
  } else if (known == Field::kGrpcStatus) {
    exchange.summary.grpc_status = number_of(value, kLongestGrpcStatus);
  }
}

void Http2Reader::end_frame(Direction direction, WallTime time) {
  Side& from = side(direction);
  const FrameHead head = from.walker.head();
  from.walker.leave();
  switch (head.type) {
    case FrameType::kHeaders:
    case FrameType::kPushPromise:
    case FrameType::kContinuation:
      if (head.has(kEndHeaders)) end_block(direction, time);
      break;
    case FrameType::kData:
      if (head.has(kEndStream)) direction_ends(direction, head.stream);
      break;
    case FrameType::kReset:
      reset(direction, head.stream);
      break;
    case FrameType::kGoAway:
      if (direction == Direction::kToClient) refused_beyond(from.number & 0x7fffffff);
      break;
    default:
      break;
  }
}

void Http2Reader::end_block(Direction direction, WallTime time) {
  Side& from = side(direction);
  decoding_ = direction;
  if (!from.hpack.decode({}, true, *this)) return malformed();
  const Block block = std::exchange(from.block, Block::kNone);
  if (direction == Direction::kToServer && from.block_stream > last_stream_) {
    last_stream_ = from.block_stream;
    if (block == Block::kRequest) begin_request(time);
  } else if (Http2Stream* open = block == Block::kTrailers ? streams_.find(from.block_stream) : nullptr) {
    open->exchange->request_bytes(from.block_size, time);
  } else if (block == Block::kResponse) {
    std::exchange(response_, nullptr)->response_bytes(from.block_size, time);
  }
  if (from.block_ends_stream) direction_ends(direction, from.block_stream);
}

void Http2Reader::begin_request(WallTime time) {
  Exchange* exchange = std::exchange(request_, nullptr);
  if (exchange->summary.method.empty()) {
    connection_.malformed();  // the server resets the stream (RFC 9113, 8.1.1)
    return connection_.discard(exchange);
  }
  if (!exchange->is_connect) exchange->upgrade = Upgrade::kNone;
  connection_.announce(*exchange);
  exchange->request_bytes(client_.block_size, time);
  exchange->tunnel = exchange->is_connect;
  connection_.fields.head_ends(*exchange);
  ++coming_;
  Http2Stream& stream = streams_.add(client_.block_stream, exchange);
  if (exchange->upgrade != Upgrade::kWebSocket) return;
  exchange->summary.websocket.emplace();
  stream.frames = std::make_unique<Http2Stream::Frames>();
}

void Http2Reader::direction_ends(Direction direction, std::uint32_t id) {
  Http2Stream* stream = streams_.find(id);
  if (stream == nullptr) return;
  Exchange& exchange = *stream->exchange;
  if (direction == Direction::kToServer) {
    connection_.fields.request_ends(exchange);
    if (!exchange.request_done) --coming_;
    exchange.request_done = true;
  } else {
    exchange.response_done = true;
  }
  if (exchange.response_done && (exchange.request_done || stream->cancelled)) {
    finish(id, Ending::kComplete);
  } else if (exchange.request_done && server_.lost) {
    finish(id, Ending::kLossy);
  }
}

// What a client cancels may have been answered before: that is only known if the server was seen.
void Http2Reader::reset(Direction direction, std::uint32_t id) {
  const bool by_client = direction == Direction::kToServer;
  if (by_client) connection_.context.counters.add(Counter::kStreamResets);
  Http2Stream* stream = streams_.find(id);
  if (stream == nullptr || stream->cancelled) return;
  if (by_client && !server_seen_) {
    stream->cancelled = client_.began;
    ++cancelled_;
    return;
  }
  finish(id, stream->exchange->response_done ? Ending::kComplete : Ending::kReset);
}

// GOAWAY: the server will not answer these (RFC 9113, 6.8).
void Http2Reader::refused_beyond(std::uint32_t last) {
  while (streams_.size() > 0 && streams_.all().back().id > last) finish(streams_.all().back().id, Ending::kUnfinished);
}

void Http2Reader::make_room() {
  connection_.context.counters.add(Counter::kTooManyStreams);
  finish(streams_.least_needed(), Ending::kUnfinished);
}

void Http2Reader::finish(std::uint32_t id, Ending ending) {
  Http2Stream* stream = streams_.find(id);
  if (stream == nullptr) return;
  Exchange* exchange = stream->exchange;
  if (stream->cancelled) --cancelled_;
  if (!exchange->request_done) --coming_;
  if (exchange->response_done) {
    ending = ending == Ending::kLossy ? ending : Ending::kComplete;
  } else if (stream->cancelled) {
    ending = Ending::kReset;
  }
  if (response_ == exchange) {
    response_ = nullptr;
    server_.block = Block::kUnwanted;
  }
  // A WebSocket connection that the server did not accept has none.
  if (exchange->summary.status.value_or(0) / 100 != 2) exchange->summary.websocket.reset();
  streams_.erase(id);
  connection_.finish(exchange, ending);
}

void Http2Reader::finish_cancelled() {
  auto& all = streams_.all();
  for (std::size_t i = all.size(); i-- > 0;) {
    if (all[i].cancelled && *all[i].cancelled < server_time_) finish(all[i].id, Ending::kReset);
  }
}

void Http2Reader::finish_open(Ending ending) {
  while (streams_.size() > 0) finish(streams_.all().front().id, ending);
}

// Without what the server says, requests are still seen; without what the client says, nothing makes sense.
void Http2Reader::lose(Direction direction) {
  asked_ |= direction == Direction::kToServer;
  if (direction == Direction::kToServer) return give_up(Ending::kLossy);
  finish_open(Ending::kLossy);
  server_.lost = true;
}

void Http2Reader::give_up(Ending ending) {
  over_ = true;
  finish_open(ending);
  if (request_ != nullptr) connection_.discard(std::exchange(request_, nullptr));
}

void Http2Reader::malformed() {
  asked_ = true;
  connection_.malformed();
  if (request_ != nullptr && !request_->summary.method.empty()) {
    Exchange* exchange = std::exchange(request_, nullptr);
    connection_.announce(*exchange);
    exchange->request_bytes(client_.block_size, client_.began);
    connection_.finish(exchange, Ending::kLossy);
  }
  give_up(Ending::kLossy);
}

}  // namespace tidegate::inspect::http
