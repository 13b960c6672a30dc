// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/inspect/http/body_reader.hpp"
#include "agent/inspect/http/connection.hpp"
#include "agent/inspect/http/line_reader.hpp"
#include "agent/inspect/http/message.hpp"
#include "agent/inspect/http/reader.hpp"
#include "agent/inspect/http/websocket.hpp"

namespace tidegate::inspect::http {

Upgrade upgrade_of(std::string_view protocols);  // value of an Upgrade field

// HTTP/0.9, 1.0 and 1.1. Requests and responses are matched in order: a response waits for its request's head, a
// request waits while as many as HttpLimits::streams have no response, and what follows an Upgrade or CONNECT waits for
// its response. What can wait no longer: the oldest request is over, and its answer is passed over; behind an Upgrade,
// HTTP is looked for.
class Http1Reader final : public Reader {
 public:
  // `mid_stream`: neither direction need begin with a message.
  Http1Reader(Connection& connection, bool mid_stream);
  ~Http1Reader() override { close(StreamEnd::kEvicted); }

  std::size_t data(Direction direction, Bytes bytes, WallTime time, bool may_wait) override;
  void skipped(Direction direction, std::uint64_t size, WallTime time) override;
  void gap(Direction direction, std::uint64_t size, WallTime time) override;
  void end(Direction direction, StreamEnd how, WallTime time) override;
  std::uint64_t ignores(Direction direction) const override;
  void close(StreamEnd how) override;
  bool coming() const override;
  std::optional<WallTime> tell_stalled(WallTime now) override;
  bool tell_unread(WallTime now) override;
  bool asked() const override { return heard_; }
  std::unique_ptr<Reader> successor() override;

 private:
  enum class State : std::uint8_t {
    kStart,    // before a request or status line
    kFields,   // of a head
    kBody,     // and trailers
    kDecides,  // client: the response to an Upgrade or CONNECT says what comes next
    kLost,     // server: nothing is understood until a request has come that it can belong to
    kSearch,   // for a line that begins a message
    kTunnel,   // something else than HTTP/1 messages
    kOver,     // nothing is looked at any more
  };
  enum class Outcome : std::uint8_t { kNotYet, kNo, kTunnel, kHttp2 };

  // What is passed over instead of an answer to a request that is over: what says where it ends.
  static constexpr char kOwedMessage = 'm';
  static constexpr char kOwedHead = 'h';     // without content
  static constexpr char kOwedTunnel = 't';   // the connection becomes one, if the server agrees
  static constexpr char kOwedContent = 'c';  // HTTP/0.9
  char owed() const { return owed_.empty() ? '\0' : owed_.text().front(); }

  // One direction.
  struct Side {
    Side(MemoryBudget& budget, const HttpLimits& limits) : lines(budget, limits.header_bytes) {}

    LineReader lines;
    BodyReader body;
    Framing framing;
    FrameCounter frames;
    State state = State::kStart;
    bool too_large = false;
    bool ended = false;
    bool evicted = false;  // ended here, not by the peer
    bool blind = false;    // it may be that nothing more of it is seen: some was lost, nobody knows how much
    std::uint32_t fields = 0;
    std::size_t head = 0;         // bytes of this head
    std::size_t searched = 0;     // bytes since synchronisation was lost
    std::uint64_t unclaimed = 0;  // bytes of a message whose exchange is not there yet
    WallTime began{};             // of that message
  };

  // Each takes some bytes off the front of `rest`. False: the direction waits, nothing was taken.
  bool client_step(std::string_view& rest, WallTime time, bool may_wait);
  bool server_step(std::string_view& rest, WallTime time, bool may_wait);
  LineReader::Result line_of(Direction direction, std::string_view& rest, std::string_view& line, WallTime time);
  bool head_line_fits(Side& side, Exchange* exchange);
  void take_body(Direction direction, std::string_view& rest, WallTime time);
  void take_tunnel(Direction direction, std::string_view& rest, WallTime time);
  void search(Direction direction, std::string_view& rest, WallTime time);

  bool make_room(bool may_wait);
  bool owe(const Exchange& exchange);
  void request_line(std::string_view& rest, WallTime time);
  void begin_request(const RequestLine& line);
  void request_field(std::string_view& rest, WallTime time);
  void request_head_ends();
  void request_ends();
  void request_malformed();
  void request_is_unsure();
  void bad_request_line(bool whole);
  void judge_suspect(bool speaks_http);
  Exchange* append();

  Exchange* unanswered() const;
  Exchange* answered_at(WallTime time) const;
  bool await_request(WallTime time, bool may_wait);
  void begin_message(std::string_view& rest, WallTime time);
  void status_line(std::string_view& rest, WallTime time);
  void begin_response(std::uint16_t status);
  void response_field(std::string_view& rest, WallTime time);
  void response_head_ends();
  void response_ends();
  void switch_protocol(Exchange& exchange);
  void decide(Outcome outcome);
  void enter_tunnel();
  void undecided();

  void count(Direction direction, std::uint64_t size, WallTime time);
  void next_message(Side& side, State state);
  void client_ends();
  void server_ends(Ending ending, bool orderly);
  void pop(Ending ending);
  void pop_if_done();
  void finish_open(Ending ending);
  void lose(Direction direction);
  void give_up();
  bool speaks_http2() const { return outcome_ == Outcome::kHttp2 && client_.state == State::kDecides; }

  Side& side(Direction direction) { return direction == Direction::kToServer ? client_ : server_; }
  const Side& side(Direction direction) const { return direction == Direction::kToServer ? client_ : server_; }
  Exchange* exchange_of(Direction direction) const { return direction == Direction::kToServer ? asking_ : answered_; }

  Connection& connection_;
  Side client_;
  Side server_;
  Exchange* first_ = nullptr;     // the oldest without a whole response
  Exchange* last_ = nullptr;      // the newest
  Exchange* asking_ = nullptr;    // whose request is being read
  Exchange* answered_ = nullptr;  // whose response is being read
  std::size_t open_ = 0;
  KeptBytes owed_;                    // answers that come before that to first_, and are nobody's: one kOwed… each
  std::uint16_t status_ = 0;          // of the response being read
  Upgrade granted_ = Upgrade::kNone;  // by that response
  Outcome outcome_ = Outcome::kNotYet;
  bool seen_request_ = false;
  bool suspect_ = false;    // the client began with what is no request, and no answer was seen yet
  bool heard_;              // the client said something
  bool line_told_ = false;  // that a request line stalls
  bool unsure_ = false;     // where the client's messages begin and end: see request_malformed()
  bool speaks_ = false;     // a status line of the server was seen
  bool doubtful_;           // something was lost: which response belongs to which request has to be told by time too
  WallTime answered_until_ = WallTime::min();  // the end of the last response that a request was there for
  WallTime unheard_ = WallTime::min();         // of the last that the server said and no request was there for
};

}  // namespace tidegate::inspect::http
