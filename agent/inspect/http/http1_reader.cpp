// SPDX-License-Identifier: Apache-2.0
// What both directions have in common.
#include "agent/inspect/http/http1_reader.hpp"

#include <algorithm>

#include "agent/inspect/http/http2_reader.hpp"
#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect::http {
namespace {

constexpr std::size_t kLongestSearch = 1 << 20;  // for a message, where nothing shows that the server speaks HTTP
constexpr std::uint32_t kMostFields = 1000;
constexpr std::size_t kHopelessHead = 16;  // times the bound

}  // namespace

Http1Reader::Http1Reader(Connection& connection, bool mid_stream)
    : connection_(connection),
      client_(connection.context.budget, connection.context.limits),
      server_(connection.context.budget, connection.context.limits),
      owed_(connection.context.budget),
      seen_request_(mid_stream),
      heard_(mid_stream),
      doubtful_(mid_stream) {
  if (!mid_stream) return;
  client_.state = State::kSearch;
  server_.state = State::kLost;
}

std::size_t Http1Reader::data(Direction direction, Bytes bytes, WallTime time, bool may_wait) {
  std::string_view rest = text_of(bytes);
  const bool to_server = direction == Direction::kToServer;
  heard_ |= to_server;
  while (!rest.empty() && !speaks_http2()) {
    if (!(to_server ? client_step(rest, time, may_wait) : server_step(rest, time, may_wait))) break;
  }
  return bytes.size() - rest.size();
}

void Http1Reader::count(Direction direction, std::uint64_t size, WallTime time) {
  Exchange* exchange = exchange_of(direction);
  if (exchange == nullptr) {
    side(direction).unclaimed += size;
  } else if (direction == Direction::kToServer) {
    exchange->request_bytes(size, time);
  } else {
    exchange->response_bytes(size, time);
  }
}

LineReader::Result Http1Reader::line_of(Direction direction, std::string_view& rest, std::string_view& line,
                                        WallTime time) {
  Side& from = side(direction);
  if (from.unclaimed == 0) from.began = time;
  const std::size_t before = rest.size();
  const auto result = from.lines.next(rest, line, from.state == State::kFields);
  from.head += before - rest.size();
  count(direction, before - rest.size(), time);
  return result;
}

// False: this head is longer than anybody accepts. Beyond the bound, fields are still read for the message's length.
bool Http1Reader::head_line_fits(Side& from, Exchange* exchange) {
  const std::size_t bound = connection_.context.limits.header_bytes;
  if (from.head > bound || ++from.fields > kMostFields) {
    if (!from.too_large) connection_.context.counters.add(Counter::kHeadersTooLarge);
    from.too_large = true;
    if (exchange != nullptr) exchange->summary.truncated = true;
  }
  return from.head <= kHopelessHead * bound;
}

void Http1Reader::take_body(Direction direction, std::string_view& rest, WallTime time) {
  Side& from = side(direction);
  const std::size_t before = rest.size();
  std::string_view content;
  const bool fine = from.body.take(rest, content);
  count(direction, before - rest.size(), time);
  const bool to_server = direction == Direction::kToServer;
  if (!fine) {
    to_server ? request_malformed() : lose(direction);
    if (!to_server) connection_.malformed();
    return;
  }
  if (to_server && asking_ != nullptr && asking_->wants_body) connection_.fields.content(*asking_, content);
  if (from.body.done()) to_server ? request_ends() : response_ends();
}

void Http1Reader::take_tunnel(Direction direction, std::string_view& rest, WallTime time) {
  count(direction, rest.size(), time);
  if (first_ != nullptr && first_->summary.websocket) {
    WebSocketCounts& counts = *first_->summary.websocket;
    if (direction == Direction::kToServer) {
      client_.frames.take(rest, counts.client_frames, counts.client_bytes);
    } else {
      server_.frames.take(rest, counts.server_frames, counts.server_bytes);
    }
  }
  rest = {};
}

// Lines are looked at until one begins a message; it is then read as any other.
void Http1Reader::search(Direction direction, std::string_view& rest, WallTime time) {
  Side& from = side(direction);
  const std::size_t before = rest.size();
  std::string_view line;
  from.unclaimed = 0;
  if (from.lines.begun().empty()) from.began = time;
  const auto result = from.lines.next(rest, line, false);
  from.searched += before - rest.size();
  if (result == LineReader::Result::kLine) {
    from.unclaimed = line.size() + 2;
    if (direction == Direction::kToServer) {
      const auto request = parse_request_line(line);
      // The preface of HTTP/2 is made to look like one (RFC 9113, 3.4).
      const bool is_one = request && request->method != "PRI" && request->target.find(' ') == std::string_view::npos;
      if (is_one) return begin_request(*request);
    } else if (const auto status = parse_status_line(line)) {
      return begin_response(*status);
    }
    from.unclaimed = 0;
  }
  if (from.searched > kLongestSearch && !speaks_) give_up();
}

void Http1Reader::next_message(Side& from, State state) {
  from.state = state;
  if (state == State::kLost || state == State::kSearch) from.lines.reset();
  from.framing = {};
  from.head = from.fields = 0;
  from.unclaimed = 0;
  from.searched = 0;
  from.too_large = false;
  if (&from == &client_) line_told_ = false;
}

void Http1Reader::pop(Ending ending) {
  Exchange* over = first_;
  first_ = over->next;
  if (first_ == nullptr) last_ = nullptr;
  --open_;
  over->untold ? connection_.discard(over) : connection_.finish(over, ending);
}

void Http1Reader::pop_if_done() {
  while (first_ != nullptr && first_->response_done && first_->request_done) pop(Ending::kComplete);
}

void Http1Reader::finish_open(Ending ending) {
  asking_ = answered_ = nullptr;
  while (first_ != nullptr) pop(first_->response_done ? Ending::kComplete : ending);
}

void Http1Reader::skipped(Direction direction, std::uint64_t size, WallTime time) {
  Side& from = side(direction);
  WebSocketCounts unused;
  WebSocketCounts& counts = first_ != nullptr && first_->summary.websocket ? *first_->summary.websocket : unused;
  const bool to_server = direction == Direction::kToServer;
  if (from.state == State::kBody && from.body.skip(size)) {
    count(direction, size, time);
    if (from.body.done()) to_server ? request_ends() : response_ends();
  } else if (from.state == State::kTunnel) {
    count(direction, size, time);
    if (!from.frames.skip(size, to_server ? counts.client_bytes : counts.server_bytes)) from.frames.lose();
  } else if (from.state != State::kOver) {
    gap(direction, size, time);
  }
}

// A hole in content of known length, or in content that ends with the connection, costs only its bytes.
void Http1Reader::gap(Direction direction, std::uint64_t size, WallTime time) {
  heard_ |= direction == Direction::kToServer;
  Side& from = side(direction);
  if (size == 0) from.blind = true;
  if (direction == Direction::kToClient && unanswered() == nullptr) unheard_ = std::max(unheard_, time);
  if (from.state == State::kOver || (from.state == State::kLost && unanswered() == nullptr)) return;
  Exchange* exchange = exchange_of(direction);
  const bool in_body =
      from.state == State::kBody && (size == 0 ? from.body.until_close() : size <= from.body.content_ahead());
  if (!in_body && from.state != State::kTunnel) return lose(direction);
  if (exchange != nullptr) {
    exchange->summary.lossy = true;
    exchange->wants_body = false;
  }
  if (size == 0) return from.frames.lose();
  skipped(direction, size, time);
}

// Which responses belong to which requests is no longer known: what is open is over, and both directions begin anew.
void Http1Reader::lose(Direction direction) {
  doubtful_ = true;
  finish_open(Ending::kLossy);
  owed_.release();
  if (direction == Direction::kToServer) next_message(client_, State::kSearch);
  if (client_.state == State::kDecides) next_message(client_, State::kSearch);
  if (direction == Direction::kToClient || server_.state != State::kBody) next_message(server_, State::kLost);
}

void Http1Reader::give_up() {
  finish_open(Ending::kLossy);
  client_.state = server_.state = State::kOver;
}

void Http1Reader::end(Direction direction, StreamEnd how, WallTime) {
  const Ending ending = how == StreamEnd::kReset ? Ending::kReset : Ending::kUnfinished;
  side(direction).ended = true;
  side(direction).evicted = how == StreamEnd::kEvicted;
  direction == Direction::kToServer ? client_ends() : server_ends(ending, how == StreamEnd::kFinished);
  if (client_.ended && server_.ended) finish_open(ending);
}

// The server may still answer what was begun.
void Http1Reader::client_ends() {
  if (asking_ != nullptr && client_.state != State::kTunnel) {
    asking_->head_there = true;
    request_ends();
  }
  client_.state = State::kOver;
}

// What has no answer gets none. A request that is still coming, and a tunnel, last until the client ends too.
void Http1Reader::server_ends(Ending ending, bool orderly) {
  const bool tunnel = server_.state == State::kTunnel;
  if (orderly && server_.state == State::kBody && server_.body.until_close()) response_ends();
  if (orderly && tunnel && first_ != nullptr) first_->response_done = true;
  server_.state = State::kOver;
  if (client_.state == State::kDecides && !speaks_http2()) undecided();
  if (tunnel) return;
  answered_ = nullptr;
  while (first_ != nullptr && first_ != asking_) pop(first_->response_done ? Ending::kComplete : ending);
}

void Http1Reader::close(StreamEnd how) {
  if (suspect_) judge_suspect(false);
  finish_open(how == StreamEnd::kReset ? Ending::kReset : Ending::kUnfinished);
  client_.state = server_.state = State::kOver;
}

std::uint64_t Http1Reader::ignores(Direction direction) const {
  const Side& from = side(direction);
  const Exchange* exchange = exchange_of(direction);
  switch (from.state) {
    case State::kOver:
      return kEverything;
    case State::kBody:
      return exchange != nullptr && direction == Direction::kToServer && exchange->wants_body
                 ? 0
                 : from.body.content_ahead();
    case State::kTunnel:
      return first_ != nullptr && first_->summary.websocket ? from.frames.payload_ahead() : kEverything;
    default:
      return 0;
  }
}

bool Http1Reader::coming() const {
  if (asking_ != nullptr) return client_.state != State::kTunnel;
  return client_.state == State::kStart && client_.unclaimed > 0;
}

std::optional<WallTime> Http1Reader::tell_stalled(WallTime now) {
  if (!coming() || server_.ended) return std::nullopt;
  if (asking_ != nullptr) return connection_.tell_stalled(*asking_, now);
  if (line_told_) return std::nullopt;
  // Its line is not complete: there is no exchange yet.
  Exchange* exchange = connection_.open(client_.began);
  if (exchange == nullptr) return std::nullopt;
  exchange->summary.request_bytes = client_.unclaimed;
  const auto began = connection_.tell_stalled(*exchange, now);
  line_told_ = exchange->told;
  connection_.discard(exchange);
  return began;
}

bool Http1Reader::tell_unread(WallTime now) {
  bool later = false;
  for (Exchange* exchange = first_; exchange != nullptr; exchange = exchange->next) {
    later |= connection_.tell_unread(*exchange, now);
  }
  return later;
}

std::unique_ptr<Reader> Http1Reader::successor() {
  if (!speaks_http2()) return nullptr;
  Exchange* upgraded = first_;
  first_ = last_ = asking_ = answered_ = nullptr;
  return make_upgraded_http2_reader(connection_, upgraded);
}

}  // namespace tidegate::inspect::http
