// SPDX-License-Identifier: Apache-2.0
// Frames, one direction at a time.
#include <algorithm>

#include "agent/inspect/http/http2_impl.hpp"
#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect::http {
namespace {

// Times the bound of a header list, as sent: 1 MiB, which Go's server takes, and some for the frames.
constexpr std::size_t kLongestBlock = 17;

}  // namespace

Http2Reader::Http2Reader(Connection& connection, Preface preface)
    : connection_(connection),
      client_(connection.context.hpack_memory),
      server_(connection.context.hpack_memory),
      preface_left_(preface == Preface::kSeen ? 0 : static_cast<std::uint8_t>(kPreface.size())) {}

void Http2Reader::adopt(Exchange* upgraded) {
  asked_ = true;
  upgraded->request_done = true;
  streams_.add(1, upgraded);
  last_stream_ = 1;
}

std::size_t Http2Reader::data(Direction direction, Bytes bytes, WallTime time, bool may_wait) {
  if (over_ || side(direction).lost) return bytes.size();
  std::string_view rest = text_of(bytes);
  if (direction == Direction::kToServer && preface_left_ > 0 && !take_preface(rest)) malformed();
  if (direction == Direction::kToClient) {
    server_seen_ = true;
    server_time_ = std::max(server_time_, time);
  }
  while (!over_ && !rest.empty()) {
    if (!step(direction, rest, time, may_wait)) break;
  }
  if (over_) return bytes.size();
  if (cancelled_ > 0 && direction == Direction::kToClient) finish_cancelled();
  return bytes.size() - rest.size();
}

bool Http2Reader::take_preface(std::string_view& rest) {
  const std::string_view expected = kPreface.substr(kPreface.size() - preface_left_);
  const std::size_t size = std::min(expected.size(), rest.size());
  if (rest.substr(0, size) != expected.substr(0, size)) return false;
  rest.remove_prefix(size);
  preface_left_ = static_cast<std::uint8_t>(preface_left_ - size);
  return true;
}

// False: this direction waits.
bool Http2Reader::step(Direction direction, std::string_view& rest, WallTime time, bool may_wait) {
  Side& from = side(direction);
  if (!from.walker.in_frame()) {
    const std::string_view before = rest;
    if (from.walker.fresh()) from.began = time;
    if (!from.walker.take_head(rest)) return true;
    if (must_wait(direction, from.began, may_wait)) {
      from.walker.step_back();
      rest = before.substr(before.size() - rest.size() - 1);
      return false;
    }
    if (!begin_frame(direction)) {
      malformed();
      return true;
    }
  }
  if (!take_payload(direction, rest, time)) {
    malformed();
    return true;
  }
  if (from.walker.done()) end_frame(direction, time);
  return true;
}

// A response whose request has not come, because the client is behind; a request that there is no room for, while the
// server has not been seen up to then and may have answered others.
bool Http2Reader::must_wait(Direction direction, WallTime time, bool may_wait) {
  const FrameHead& head = side(direction).walker.head();
  const bool opens = head.type == FrameType::kHeaders;
  const bool of_stream = opens || head.type == FrameType::kData || head.type == FrameType::kReset;
  if (!of_stream || head.stream <= last_stream_ || head.stream % 2 == 0) return false;
  if (direction == Direction::kToClient) return may_wait && !client_.ended;
  if (!opens || streams_.size() < connection_.context.limits.streams) return false;
  if (may_wait && !unanswered() && time > server_time_) return true;
  make_room();
  return false;
}

bool Http2Reader::begin_frame(Direction direction) {
  Side& from = side(direction);
  const FrameHead& head = from.walker.head();
  const bool continues = head.type == FrameType::kContinuation;
  if (continues != (from.block != Block::kNone) || (continues && head.stream != from.block_stream)) return false;
  // RFC 9113, 3.4 wants SETTINGS first of both; servers let clients get away without.
  if (direction == Direction::kToClient && !from.settings_seen && head.type != FrameType::kSettings) return false;
  from.settings_seen = true;
  if (!from.walker.begin()) return false;
  from.number = 0;
  from.number_bytes = 0;
  if ((head.type == FrameType::kData || head.type == FrameType::kReset) && head.stream == 0) return false;
  return !head.is_block() || begin_block(direction);
}

bool Http2Reader::begin_block(Direction direction) {
  Side& from = side(direction);
  const FrameHead& head = from.walker.head();
  if (head.stream == 0) return false;
  if (head.type != FrameType::kContinuation) {
    from.block_stream = head.stream;
    from.block_ends_stream = head.type == FrameType::kHeaders && head.has(kEndStream);
    from.block_size = from.block_fields = from.block_sent = 0;
    from.block_too_large = false;
    from.hpack.begin(!head.has(kEndHeaders) || head.length > kLongestString);
    from.block = head.type == FrameType::kHeaders ? block_of(direction, head.stream) : Block::kUnwanted;
    if (direction == Direction::kToServer && (head.type == FrameType::kPushPromise || head.stream % 2 == 0)) {
      return false;
    }
  }
  from.block_size += head.length;
  from.block_sent += kFrameHead + head.length;
  return from.block_sent <= kLongestBlock * connection_.context.limits.header_bytes;
}

Http2Reader::Block Http2Reader::block_of(Direction direction, std::uint32_t stream) {
  if (direction == Direction::kToServer) {
    asked_ = true;
    if (stream <= last_stream_) return Block::kTrailers;
    request_ = connection_.open(client_.began);
    if (request_ != nullptr) request_->summary.http = HttpVersion::k2;
    return request_ != nullptr ? Block::kRequest : Block::kUnwanted;
  }
  const Http2Stream* open = streams_.find(stream);
  response_ = open != nullptr ? open->exchange : nullptr;
  status_ = 0;
  return response_ != nullptr ? Block::kResponse : Block::kUnwanted;
}

bool Http2Reader::take_payload(Direction direction, std::string_view& rest, WallTime time) {
  Side& from = side(direction);
  const FrameHead head = from.walker.head();
  do {
    std::string_view content;
    if (!from.walker.take(rest, content)) return false;
    if (head.is_block()) {
      if (!content.empty() && !take_block(direction, content)) return false;
    } else if (head.type == FrameType::kData) {
      take_data(direction, content, content.size(), time, false);
    } else if (head.type == FrameType::kGoAway) {
      take_number(from, content);
    }
  } while (!rest.empty() && !from.walker.done());
  return true;
}

bool Http2Reader::take_block(Direction direction, std::string_view content) {
  decoding_ = direction;
  return side(direction).hpack.decode(content, false, *this);
}

void Http2Reader::take_number(Side& from, std::string_view content) {
  for (const char c : content) {
    if (from.number_bytes == sizeof from.number) return;
    from.number = from.number << 8 | static_cast<unsigned char>(c);
    ++from.number_bytes;
  }
}

// `content` is empty where only its size is known.
void Http2Reader::take_data(Direction direction, std::string_view content, std::uint64_t size, WallTime time,
                            bool lossy) {
  Http2Stream* stream = streams_.find(side(direction).walker.head().stream);
  if (stream == nullptr) return;
  Exchange& exchange = *stream->exchange;
  const bool to_server = direction == Direction::kToServer;
  to_server ? exchange.request_bytes(size, time) : exchange.response_bytes(size, time);
  exchange.summary.lossy |= lossy;
  if (lossy) exchange.wants_body = false;
  if (to_server && exchange.wants_body) connection_.fields.content(exchange, content);
  if (!stream->frames) return;
  WebSocketCounts& counts = *exchange.summary.websocket;
  FrameCounter& frames = to_server ? stream->frames->to_server : stream->frames->to_client;
  std::uint64_t& payload = to_server ? counts.client_bytes : counts.server_bytes;
  if (content.size() == size)
    return frames.take(content, to_server ? counts.client_frames : counts.server_frames, payload);
  if (!frames.skip(size, payload)) frames.lose();
}

void Http2Reader::pass(Direction direction, std::uint64_t size, WallTime time, bool lossy) {
  Side& from = side(direction);
  const std::uint64_t content = std::min<std::uint64_t>(size, from.walker.content_left());
  from.walker.skip(size);
  if (direction == Direction::kToClient) server_time_ = std::max(server_time_, time);
  if (from.walker.head().type == FrameType::kData) take_data(direction, {}, content, time, lossy);
  if (from.walker.done()) end_frame(direction, time);
}

void Http2Reader::skipped(Direction direction, std::uint64_t size, WallTime time) {
  if (over_ || side(direction).lost) return;
  if (size > ignores(direction)) return gap(direction, size, time);
  pass(direction, size, time, false);
}

// In a payload that is only counted, a hole costs nothing but its bytes.
void Http2Reader::gap(Direction direction, std::uint64_t size, WallTime time) {
  Side& from = side(direction);
  const FrameHead& head = from.walker.head();
  const bool harmless = from.walker.in_frame() && size > 0 && size <= from.walker.left() && !head.is_block() &&
                        head.type != FrameType::kGoAway && head.type != FrameType::kReset;
  if (over_ || from.lost) return;
  harmless ? pass(direction, size, time, true) : lose(direction);
}

std::uint64_t Http2Reader::ignores(Direction direction) const {
  if (over_ || side(direction).lost) return kEverything;
  const Side& from = side(direction);
  const FrameHead& head = from.walker.head();
  if (!from.walker.in_frame() || head.is_block() || head.type == FrameType::kGoAway) return 0;
  if (head.type != FrameType::kData) return from.walker.left();
  const Http2Stream* stream = const_cast<StreamTable&>(streams_).find(head.stream);
  if (stream == nullptr) return from.walker.left();
  if (direction == Direction::kToServer && stream->exchange->wants_body) return 0;
  if (!stream->frames) return from.walker.left();
  const FrameCounter& frames =
      direction == Direction::kToServer ? stream->frames->to_server : stream->frames->to_client;
  return std::min<std::uint64_t>(from.walker.content_left(), frames.payload_ahead());
}

void Http2Reader::end(Direction direction, StreamEnd how, WallTime) {
  side(direction).ended = true;
  const Ending ending = how == StreamEnd::kReset ? Ending::kReset : Ending::kUnfinished;
  if (direction == Direction::kToClient || server_.ended) finish_open(ending);
}

void Http2Reader::close(StreamEnd how) { give_up(how == StreamEnd::kReset ? Ending::kReset : Ending::kUnfinished); }

std::optional<WallTime> Http2Reader::tell_stalled(WallTime now) {
  if (over_ || unanswered()) return std::nullopt;
  std::optional<WallTime> oldest;
  const auto look = [&](Exchange& exchange) {
    const auto began = connection_.tell_stalled(exchange, now);
    if (began && (!oldest || *began < *oldest)) oldest = began;
  };
  for (const Http2Stream& stream : streams_.all()) {
    if (!stream.cancelled && !stream.frames) look(*stream.exchange);
  }
  if (request_ != nullptr) look(*request_);
  return oldest;
}

bool Http2Reader::tell_unread(WallTime now) {
  if (over_ || unanswered()) return false;
  bool later = false;
  for (const Http2Stream& stream : streams_.all()) {
    if (!stream.cancelled && !stream.frames) later |= connection_.tell_unread(*stream.exchange, now);
  }
  return later;
}

std::unique_ptr<Reader> make_http2_reader(Connection& connection, Preface preface) {
  return std::make_unique<Http2Reader>(connection, preface);
}

std::unique_ptr<Reader> make_upgraded_http2_reader(Connection& connection, Exchange* upgraded) {
  auto reader = std::make_unique<Http2Reader>(connection, Preface::kExpected);
  reader->adopt(upgraded);
  return reader;
}

}  // namespace tidegate::inspect::http
