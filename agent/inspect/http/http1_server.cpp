// SPDX-License-Identifier: Apache-2.0
// What the server sends: responses.
#include <algorithm>
#include <utility>

#include "agent/inspect/http/http1_reader.hpp"
#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect::http {

bool Http1Reader::server_step(std::string_view& rest, WallTime time, bool may_wait) {
  switch (server_.state) {
    case State::kStart:
      if (answered_ == nullptr && owed_.empty() && !await_request(time, may_wait)) return false;
      if (server_.state == State::kStart) begin_message(rest, time);
      return true;
    case State::kFields:
      response_field(rest, time);
      return true;
    case State::kBody:
      take_body(Direction::kToClient, rest, time);
      return true;
    case State::kLost:
      if (answered_at(time) == nullptr) {
        unheard_ = std::max(unheard_, time);
        break;
      }
      next_message(server_, State::kSearch);
      return true;
    case State::kSearch:
      search(Direction::kToClient, rest, time);
      return true;
    case State::kTunnel:
      take_tunnel(Direction::kToClient, rest, time);
      return true;
    case State::kDecides:
    case State::kOver:
      break;
  }
  rest = {};
  return true;
}

// Whose response comes next; nullptr: nobody's.
Exchange* Http1Reader::unanswered() const {
  return first_ != nullptr && first_->head_there && !first_->response_done ? first_ : nullptr;
}

// Whose response it is that begins at that time: nobody answers what was asked later.
Exchange* Http1Reader::answered_at(WallTime time) const {
  Exchange* exchange = unanswered();
  return exchange != nullptr && (doubtful_ || unsure_) && time < exchange->summary.began ? nullptr : exchange;
}

// True: go on in the present state.
bool Http1Reader::await_request(WallTime time, bool may_wait) {
  if (answered_ = answered_at(time); answered_ != nullptr) return true;
  // Nobody will ask for what comes here, or nobody that is understood.
  const bool hopeless = unanswered() != nullptr || (doubtful_ && client_.state == State::kSearch) || client_.ended;
  if (may_wait && !hopeless) return false;
  next_message(server_, State::kLost);
  return true;
}

void Http1Reader::begin_message(std::string_view& rest, WallTime time) {
  const bool simple = answered_ != nullptr ? answered_->is_simple : owed() == kOwedContent;
  if (!simple) return status_line(rest, time);
  server_.state = State::kBody;
  server_.body.start_until_close();
}

void Http1Reader::status_line(std::string_view& rest, WallTime time) {
  std::string_view line;
  const auto result = line_of(Direction::kToClient, rest, line, time);
  if (result == LineReader::Result::kMore) {
    if (suspect_ && !may_become_status_line(server_.lines.begun())) judge_suspect(false);
    return;
  }
  if (result == LineReader::Result::kLine && line.empty()) return;
  const auto status = result == LineReader::Result::kLine ? parse_status_line(line) : std::nullopt;
  if (status) return begin_response(*status);
  if (suspect_) return judge_suspect(false);
  connection_.malformed();
  lose(Direction::kToClient);
}

void Http1Reader::begin_response(std::uint16_t status) {
  speaks_ = true;
  server_.blind = false;
  if (suspect_) judge_suspect(true);
  const std::uint64_t size = server_.unclaimed;
  if (answered_ == nullptr && owed_.empty()) {
    answered_ = answered_at(server_.began);
    if (answered_ != nullptr) answered_->response_bytes(size, server_.began);
  }
  status_ = status;
  granted_ = Upgrade::kNone;
  if (answered_ != nullptr && (status >= 200 || status == 101)) answered_->summary.status = status;
  next_message(server_, State::kFields);
  server_.head = size;
}

void Http1Reader::response_field(std::string_view& rest, WallTime time) {
  std::string_view text;
  const auto result = line_of(Direction::kToClient, rest, text, time);
  if (!head_line_fits(server_, answered_)) {
    connection_.malformed();
    return lose(Direction::kToClient);
  }
  if (result != LineReader::Result::kLine) return;
  if (text.empty()) return response_head_ends();
  const HeaderLine line = parse_header_line(text);
  server_.framing.add(line);
  if (line.field == Field::kUpgrade) granted_ = upgrade_of(line.value);
}

// RFC 9112, 6.3.
void Http1Reader::response_head_ends() {
  const Framing& framing = server_.framing;
  Exchange* exchange = answered_;
  const bool success = status_ >= 200 && status_ < 300;
  if (status_ == 101 || (success && (exchange != nullptr ? exchange->is_connect : owed() == kOwedTunnel))) {
    if (exchange != nullptr) return switch_protocol(*exchange);
    return give_up();
  }
  if (status_ < 200) return next_message(server_, State::kStart);
  if (exchange != nullptr && exchange->upgrade != Upgrade::kNone && exchange == last_) decide(Outcome::kNo);
  if (framing.ambiguous()) connection_.context.counters.add(Counter::kAmbiguousLength);
  const bool is_head = exchange != nullptr ? exchange->is_head : owed() == kOwedHead;
  const bool empty = status_ == 204 || status_ == 304 || is_head;
  server_.state = State::kBody;
  if (empty) {
    server_.body.start_length(0);
  } else if (framing.malformed) {
    connection_.malformed();
    return lose(Direction::kToClient);
  } else if (framing.chunked) {
    server_.body.start_chunked();
  } else if (framing.has_length && !framing.has_coding) {
    server_.body.start_length(framing.length);
  } else {
    server_.body.start_until_close();
  }
  if (server_.body.done()) response_ends();
}

void Http1Reader::response_ends() {
  // Without an exchange, it answered something that was given up: what follows may do so too, unless it was owed.
  next_message(server_, answered_ != nullptr || !owed_.empty() ? State::kStart : State::kLost);
  if (!owed_.empty()) return owed_.consume(1);
  Exchange* const over = std::exchange(answered_, nullptr);
  if (over == nullptr) return pop_if_done();
  over->response_done = true;
  answered_until_ = over->last;
  pop_if_done();
  // What seemed to be asked before this answer was over may have been content: the next answer is not for it.
  while (unsure_ && first_ != nullptr && first_ != asking_ && first_->summary.began <= answered_until_) {
    first_->response_done = true;
    pop(Ending::kLossy);
  }
}

void Http1Reader::switch_protocol(Exchange& exchange) {
  if (exchange.upgrade == Upgrade::kNone) {
    connection_.malformed();  // nobody asked for it, and what both speak now is not known
    return give_up();
  }
  if (status_ == 101 && granted_ != Upgrade::kNone) exchange.upgrade = granted_;  // of several that were offered
  server_.state = State::kTunnel;
  if (exchange.upgrade == Upgrade::kHttp2 && client_.state == State::kDecides) return decide(Outcome::kHttp2);
  exchange.tunnel = true;
  if (exchange.upgrade == Upgrade::kWebSocket) exchange.summary.websocket.emplace();
  decide(Outcome::kTunnel);
}

}  // namespace tidegate::inspect::http
