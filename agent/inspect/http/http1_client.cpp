// SPDX-License-Identifier: Apache-2.0
// What the client sends: requests.
#include <algorithm>
#include <utility>

#include "agent/inspect/http/http1_reader.hpp"
#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect::http {
namespace {

constexpr std::size_t kMostOwed = 1 << 18;  // answers

}  // namespace

// Of those offered, the first that is known; the server's own choice counts when it is seen.
Upgrade upgrade_of(std::string_view protocols) {
  while (!protocols.empty()) {
    const std::string_view protocol = trimmed(take_until(protocols, ','));
    if (equals_any_case(protocol, "websocket")) return Upgrade::kWebSocket;
    if (equals_any_case(protocol, "h2c")) return Upgrade::kHttp2;
  }
  return Upgrade::kTunnel;
}

bool Http1Reader::client_step(std::string_view& rest, WallTime time, bool may_wait) {
  switch (client_.state) {
    case State::kStart:
      if (open_ >= connection_.context.limits.streams && !make_room(may_wait)) return false;
      request_line(rest, time);
      return true;
    case State::kFields:
      request_field(rest, time);
      return true;
    case State::kBody:
      take_body(Direction::kToServer, rest, time);
      return true;
    case State::kDecides:
      if (may_wait) return false;
      client_.state = State::kSearch;
      return true;
    case State::kSearch:
      if (open_ >= connection_.context.limits.streams && !make_room(may_wait)) return false;
      search(Direction::kToServer, rest, time);
      return true;
    case State::kTunnel:
      take_tunnel(Direction::kToServer, rest, time);
      return true;
    case State::kLost:
    case State::kOver:
      break;
  }
  rest = {};
  return true;
}

// Beyond the number of requests that may be open: the oldest is over here, and its answer is passed over when it comes.
bool Http1Reader::make_room(bool may_wait) {
  if (may_wait) return false;
  connection_.context.counters.add(Counter::kTooManyStreams);
  const bool in_order = answered_ != nullptr || !owed_.empty() || server_.state == State::kStart;
  if (in_order && !owe(*first_)) {
    lose(Direction::kToClient);
    return true;
  }
  if (answered_ == first_) answered_ = nullptr;
  pop(Ending::kUnfinished);
  return true;
}

// False: too many are owed to be remembered.
bool Http1Reader::owe(const Exchange& exchange) {
  const char kind = exchange.is_simple    ? kOwedContent
                    : exchange.is_head    ? kOwedHead
                    : exchange.is_connect ? kOwedTunnel
                                          : kOwedMessage;
  return owed_.size() < kMostOwed && owed_.append({&kind, 1});
}

void Http1Reader::request_line(std::string_view& rest, WallTime time) {
  std::string_view line;
  const auto result = line_of(Direction::kToServer, rest, line, time);
  if (result == LineReader::Result::kMore) {
    if (!seen_request_ && !may_become_request_line(client_.lines.begun())) bad_request_line(false);
    return;
  }
  // Empty lines before a request are left by old clients (RFC 9112, 2.2).
  if (result == LineReader::Result::kLine && line.empty()) return next_message(client_, State::kStart);
  const auto parsed = result == LineReader::Result::kLine ? parse_request_line(line) : std::nullopt;
  parsed ? begin_request(*parsed) : bad_request_line(true);
}

// A server answers what it does not understand as well, most often with 400: whoever is asked next must not be given
// that answer. Of a client that begins so, the answer says whether this is HTTP at all. `whole`: up to the line's end.
void Http1Reader::bad_request_line(bool whole) {
  Exchange* exchange = append();
  if (exchange == nullptr) return;
  exchange->untold = exchange->summary.lossy = true;
  exchange->head_there = exchange->request_done = true;
  next_message(client_, State::kSearch);
  if (!whole) client_.lines.drop_line();
  unsure_ = true;
  if (std::exchange(seen_request_, true)) return connection_.malformed();
  suspect_ = true;
  client_.state = State::kDecides;
  if (server_.ended) undecided();
}

// The client began with what is no request; did the server answer as one of HTTP?
void Http1Reader::judge_suspect(bool speaks_http) {
  suspect_ = false;
  if (!speaks_http) {
    connection_.not_http();
    return give_up();
  }
  connection_.malformed();
  if (client_.state == State::kDecides) client_.state = State::kSearch;
}

// A new last one of those that wait for answers; nullptr: there is no memory, and nothing is read any more.
Exchange* Http1Reader::append() {
  Exchange* exchange = connection_.open(client_.began);
  if (exchange == nullptr) {
    give_up();
    return nullptr;
  }
  (last_ == nullptr ? first_ : last_->next) = exchange;
  last_ = exchange;
  ++open_;
  // After loss, in a capture that is not in order of time: its response may have been among what nobody had asked for.
  const bool too_late = client_.began <= unheard_ || (unsure_ && client_.began <= answered_until_);
  exchange->response_done = exchange->summary.lossy = too_late;
  return exchange;
}

void Http1Reader::begin_request(const RequestLine& line) {
  seen_request_ = true;
  outcome_ = Outcome::kNotYet;
  Exchange* exchange = append();
  if (exchange == nullptr) return;
  connection_.announce(*exchange);
  asking_ = exchange;
  exchange->told = line_told_;
  exchange->summary.lossy |= unsure_;
  exchange->request_bytes(client_.unclaimed, client_.began);
  exchange->summary.http = line.version;
  connection_.fields.method(*exchange, line.method);
  connection_.fields.target(*exchange, line.target);
  if (exchange->is_connect) exchange->upgrade = Upgrade::kTunnel;
  const std::size_t size = client_.unclaimed;
  next_message(client_, State::kFields);
  client_.head = size;
  exchange->is_simple = line.simple;
  if (line.simple) request_head_ends();
}

void Http1Reader::request_field(std::string_view& rest, WallTime time) {
  std::string_view text;
  const auto result = line_of(Direction::kToServer, rest, text, time);
  if (!head_line_fits(client_, asking_)) return request_malformed();
  if (result != LineReader::Result::kLine) return;
  if (text.empty()) return request_head_ends();
  const HeaderLine line = parse_header_line(text);
  client_.framing.add(line);
  if (asking_ == nullptr) return;
  if (line.field == Field::kUpgrade && !asking_->is_connect && asking_->summary.http != HttpVersion::k10) {
    asking_->upgrade = upgrade_of(line.value);
  }
  if (!client_.too_large) connection_.fields.field(*asking_, line.field, line.name, line.value);
}

void Http1Reader::request_head_ends() {
  const Framing& framing = client_.framing;
  if (framing.ambiguous()) connection_.context.counters.add(Counter::kAmbiguousLength);
  if (framing.malformed || (framing.has_coding && !framing.chunked)) return request_malformed();
  if (asking_ != nullptr) connection_.fields.head_ends(*asking_);
  if (unsure_) return request_is_unsure();
  if (framing.chunked) {
    client_.body.start_chunked();
  } else {
    client_.body.start_length(framing.length);
  }
  client_.state = State::kBody;
  if (client_.body.done()) request_ends();
}

void Http1Reader::request_ends() {
  Exchange* exchange = asking_;
  asking_ = nullptr;
  next_message(client_, State::kStart);
  if (exchange == nullptr) return;
  connection_.fields.request_ends(*exchange);
  exchange->request_done = true;
  if (exchange->upgrade != Upgrade::kNone && exchange->response_done) {
    next_message(client_, State::kSearch);
  } else if (exchange->upgrade != Upgrade::kNone && exchange == last_) {
    client_.state = State::kDecides;
    if (server_.ended || server_.blind) undecided();
    if (outcome_ != Outcome::kNotYet) decide(outcome_);
  }
  pop_if_done();
  if (server_.ended && asking_ == nullptr) finish_open(Ending::kUnfinished);
}

// The server answers this request, most likely with 400, and closes. If it goes on, it understood what is not
// understood here, and the client chose what seems to be requests from now on: every line is looked at, none of them
// says how many bytes to pass over, and each answer is held against the clock.
void Http1Reader::request_malformed() {
  connection_.malformed();
  unsure_ = true;
  request_is_unsure();
}

void Http1Reader::request_is_unsure() {
  Exchange* exchange = asking_;
  asking_ = nullptr;
  next_message(client_, State::kSearch);
  if (exchange == nullptr) return;
  exchange->summary.lossy = true;
  exchange->wants_body = false;
  exchange->body.release();
  exchange->upgrade = exchange->is_connect ? exchange->upgrade : Upgrade::kNone;
  exchange->head_there = exchange->request_done = true;
  pop_if_done();
}

// What the client speaks behind a request for another protocol that no answer to is seen may be HTTP as before.
void Http1Reader::undecided() {
  if (suspect_ && !server_.evicted && !doubtful_) return judge_suspect(false);
  client_.state = State::kSearch;
}

void Http1Reader::decide(Outcome outcome) {
  outcome_ = outcome;
  if (outcome == Outcome::kTunnel) return enter_tunnel();
  if (client_.state != State::kDecides || outcome != Outcome::kNo) return;
  client_.state = State::kStart;
  outcome_ = Outcome::kNotYet;
}

// What seemed to be asked behind the request for it was the tunnel's, if it could not wait for the answer.
void Http1Reader::enter_tunnel() {
  if (asking_ == first_ || client_.state == State::kOver) return;
  while (Exchange* phantom = first_->next) {
    first_->next = phantom->next;
    --open_;
    phantom->untold ? connection_.discard(phantom) : connection_.finish(phantom, Ending::kLossy);
  }
  next_message(client_, State::kTunnel);
  client_.lines.reset();
  last_ = asking_ = first_;
}

}  // namespace tidegate::inspect::http
