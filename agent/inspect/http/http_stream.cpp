// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/http_stream.hpp"

#include <array>
#include <optional>

#include "agent/inspect/http/connection.hpp"
#include "agent/inspect/http/http1_reader.hpp"
#include "agent/inspect/http/http2_reader.hpp"
#include "agent/inspect/http/lane.hpp"
#include "agent/inspect/http/text.hpp"

namespace tidegate::inspect {
namespace {

using http::Lane;
using http::Reader;
using Kind = Lane::Event::Kind;

constexpr std::size_t kMostHeld = 1 << 20;  // of one direction; more than TLS lets one be ahead
constexpr std::array kBoth = {Direction::kToServer, Direction::kToClient};

// Chooses the reader, and keeps for it what it cannot take yet.
class Stream final : public HttpStream {
 public:
  Stream(HttpContext& context, const ConnectionFacts& facts, bool mid_stream)
      : connection_(context, facts), mid_stream_(mid_stream) {}
  ~Stream() override {
    const http::Connection::Watch watch(connection_);
    flush();
  }

  ConnectionFacts& facts() override { return connection_.facts; }

  void data(Direction direction, Bytes bytes, WallTime time) override {
    const http::Connection::Watch watch(connection_);
    auto& lane = lanes_[index_of(direction)];
    if (!lane) {
      const std::size_t taken = feed(direction, bytes, time, true);
      if (taken == bytes.size()) return pump();
      bytes = bytes.subspan(taken);
    }
    hold(direction, bytes, time);
    pump();
  }
  void skipped(Direction direction, std::uint64_t size, WallTime time) override {
    apply_or_hold(direction, {Kind::kSkipped, StreamEnd::kFinished, size, time});
  }
  void gap(Direction direction, std::uint64_t size, WallTime time) override {
    apply_or_hold(direction, {Kind::kGap, StreamEnd::kFinished, size, time});
  }
  void end(Direction direction, StreamEnd how, WallTime time) override {
    const http::Connection::Watch watch(connection_);
    ended_[index_of(direction)] = true;
    apply_or_hold(direction, {Kind::kEnd, how, 0, time});
    if (ended_[0] && ended_[1]) flush();
  }
  std::uint64_t ignores(Direction direction) const override {
    return reader_ && !lanes_[index_of(direction)] ? reader_->ignores(direction) : 0;
  }

  // Of what waits for the server nothing can be said.
  bool coming() const override { return reader_ && !lanes_[0] && reader_->coming(); }
  std::optional<WallTime> tell_stalled(WallTime now) override {
    const http::Connection::Watch watch(connection_);
    return coming() ? reader_->tell_stalled(now) : std::nullopt;
  }
  // What waits for the server to be read may be the response.
  bool tell_unread(WallTime now) override { return reader_ && !lanes_[0] && !lanes_[1] && reader_->tell_unread(now); }
  bool asked() const override { return lanes_[0] || (reader_ ? reader_->asked() : preface_ > 0); }

 private:
  std::size_t feed(Direction direction, Bytes bytes, WallTime time, bool may_wait);
  std::size_t choose(Direction direction, Bytes bytes, WallTime time, bool may_wait);
  void read_without_looking();
  void read_as_http1();
  void hold(Direction direction, Bytes bytes, WallTime time);
  void apply_or_hold(Direction direction, const Lane::Event& event);
  void apply(Direction direction, const Lane::Event& event);
  void pump();
  bool drain(Direction direction, bool may_wait);
  void flush();

  http::Connection connection_;
  std::unique_ptr<Reader> reader_;  // none: not known yet which HTTP it is
  std::array<std::unique_ptr<Lane>, 2> lanes_;
  WallTime first_time_{};
  std::uint8_t preface_ = 0;  // bytes of HTTP/2's preface that the client has begun with
  bool mid_stream_;
  std::array<bool, 2> ended_{};
  std::optional<Lane::Event> early_end_;  // of the server, before it was known what to read as
};

std::size_t Stream::feed(Direction direction, Bytes bytes, WallTime time, bool may_wait) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const Bytes rest = bytes.subspan(taken);
    const bool chosen = reader_ != nullptr;
    const std::size_t more =
        chosen ? reader_->data(direction, rest, time, may_wait) : choose(direction, rest, time, may_wait);
    taken += more;
    if (!chosen) {
      if (!reader_) break;
      if (early_end_) apply(Direction::kToClient, *early_end_);
      continue;
    }
    auto next = reader_->successor();
    if (!next) break;
    reader_ = std::move(next);
  }
  return taken;
}

// How many bytes were taken. What the client begins with decides; without a reader afterwards, it has not decided yet.
std::size_t Stream::choose(Direction direction, Bytes bytes, WallTime time, bool may_wait) {
  if (connection_.facts.alpn == "h2" && !mid_stream_) {
    read_without_looking();
    return 0;
  }
  if (direction == Direction::kToClient) {
    // A server is not heard before its client, but for the rest of something whose beginning was missed.
    if (may_wait && !mid_stream_) return 0;
    read_without_looking();
    return 0;
  }
  if (preface_ == 0) first_time_ = time;
  const std::string_view text = http::text_of(bytes);
  std::size_t taken = 0;
  while (taken < text.size() && preface_ < http::kPreface.size() && text[taken] == http::kPreface[preface_]) {
    ++taken;
    ++preface_;
  }
  if (preface_ == http::kPreface.size()) {
    reader_ = http::make_http2_reader(connection_, http::Preface::kSeen);
  } else if (taken < text.size()) {
    connection_.facts.alpn == "h2" ? read_without_looking() : read_as_http1();
  }
  return taken;
}

// By what is known beside the bytes.
void Stream::read_without_looking() {
  if (connection_.facts.alpn != "h2") return read_as_http1();
  reader_ = http::make_http2_reader(connection_, http::Preface::kExpected);
  if (mid_stream_) reader_->close(StreamEnd::kEvicted);  // its header tables are not known
}

// What was taken for the beginning of a preface belongs to the first request.
void Stream::read_as_http1() {
  reader_ = std::make_unique<http::Http1Reader>(connection_, mid_stream_);
  if (preface_ == 0) return;
  reader_->data(Direction::kToServer, http::bytes_of(http::kPreface.substr(0, preface_)), first_time_, true);
}

void Stream::hold(Direction direction, Bytes bytes, WallTime time) {
  auto& lane = lanes_[index_of(direction)];
  if (!lane) lane = std::make_unique<Lane>(connection_.context.budget, kMostHeld);
  const std::uint64_t refusals = connection_.context.budget.refusals();
  if (lane->hold(bytes, time)) return;
  // No room: it can wait no longer.
  if (connection_.context.budget.refusals() == refusals) connection_.context.counters.add(Counter::kHttpWaitOverflow);
  drain(direction, false);
  feed(direction, bytes, time, false);
}

void Stream::apply_or_hold(Direction direction, const Lane::Event& event) {
  const http::Connection::Watch watch(connection_);
  auto& lane = lanes_[index_of(direction)];
  if (lane && !lane->hold(event)) drain(direction, false);
  if (!lane) apply(direction, event);
  pump();
}

void Stream::apply(Direction direction, const Lane::Event& event) {
  if (!reader_) {
    if (event.kind == Kind::kEnd && direction == Direction::kToClient) {
      early_end_ = event;
      return;
    }
    read_without_looking();
  }
  switch (event.kind) {
    case Kind::kData:
      break;
    case Kind::kSkipped:
      return reader_->skipped(direction, event.size, event.time);
    case Kind::kGap:
      return reader_->gap(direction, event.size, event.time);
    case Kind::kEnd:
      return reader_->end(direction, event.how, event.time);
  }
}

// Each direction may have been what the other one waits for.
void Stream::pump() {
  while (lanes_[0] || lanes_[1]) {
    const bool one = drain(Direction::kToServer, true);
    const bool other = drain(Direction::kToClient, true);
    if (!one && !other) return;
  }
}

// True: something was taken.
bool Stream::drain(Direction direction, bool may_wait) {
  auto& lane = lanes_[index_of(direction)];
  bool progress = false;
  while (lane && !lane->empty()) {
    const Lane::Event event = lane->front();
    if (event.kind == Kind::kData) {
      const std::size_t taken = feed(direction, lane->front_data(), event.time, may_wait);
      progress |= taken > 0;
      lane->used(may_wait ? taken : event.size);
      if (taken < event.size && may_wait) return progress;
    } else {
      lane->pop();
      apply(direction, event);
      progress = true;
    }
  }
  if (lane && lane->empty()) lane.reset();
  return progress;
}

// Nothing more comes: what waits is read as well as can be done.
void Stream::flush() {
  pump();
  for (const Direction direction : kBoth) drain(direction, false);
  if (reader_) reader_->close(StreamEnd::kEvicted);
}

}  // namespace

std::unique_ptr<HttpStream> make_http_stream(HttpContext& context, const ConnectionFacts& facts, bool mid_stream) {
  return std::make_unique<Stream>(context, facts, mid_stream);
}

}  // namespace tidegate::inspect
