// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/engine/conversation.hpp"

#include <algorithm>
#include <limits>

namespace tidegate::inspect {
namespace {

constexpr std::chrono::seconds kLooksAgain{2};  // at requests that are long, when there is no other time for it
constexpr std::uint64_t kEverything = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kLongestProxyHeader = 4096;  // with every TLV that proxies send

// A connection whose beginning was not seen is taken up where a segment begins with what only a message begins with:
// a request line, or a status line.
bool begins_like_http(Bytes bytes) {
  constexpr std::string_view kStatusLine = "HTTP/1.";
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with(kStatusLine)) return true;
  const std::size_t method = text.substr(0, kLongestMethod).find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ-");
  return method != std::string_view::npos && method >= 3 && text[method] == ' ';
}

}  // namespace

void DecryptedReader::established(TlsVersion version, const std::string& sni, const std::string& alpn,
                                  const std::string& ja4) {
  facts_.tls = version;
  facts_.sni = sni;
  facts_.alpn = alpn;
  facts_.ja4 = ja4;
  if (!http_) http_ = make_http_stream(shared_.http, facts_, mid_stream_);
}

void DecryptedReader::data(Direction direction, Bytes bytes, WallTime time) {
  if (http_) http_->data(direction, bytes, time);
}

void DecryptedReader::skipped(Direction direction, std::uint64_t size, WallTime time) {
  if (http_) http_->skipped(direction, size, time);
}

void DecryptedReader::gap(Direction direction, std::uint64_t size, WallTime time) {
  if (http_) http_->gap(direction, size, time);
}

void DecryptedReader::end(Direction direction, StreamEnd how, WallTime time) {
  if (http_) http_->end(direction, how, time);
}

std::uint64_t DecryptedReader::ignores(Direction direction) const { return http_ ? http_->ignores(direction) : 0; }

Conversation::Conversation(const Shared& shared, const Flow& flow, bool mid_stream)
    : shared_(shared),
      generation_(shared.admission.generation()),
      mid_stream_(mid_stream),
      at_client_beginning_(!mid_stream),
      reader_(shared, facts_, mid_stream) {
  facts_.flow = flow;
}

Conversation::~Conversation() {
  give_up();
  shared_.budget.give_back(kCost);
}

StreamSink* Conversation::layer() {
  if (tls_) return tls_.get();
  return http_.get();
}

void Conversation::forget_beginning() {
  shared_.budget.give_back(client_beginning_.size());
  client_beginning_ = {};
  at_client_beginning_ = false;
}

// The rest of the connection means nothing; its place in the connection table remembers that.
void Conversation::give_up() {
  shared_.waiting.remove(*this);
  shared_.deadlines.remove(*this);
  forget_beginning();
  tls_.reset();
  http_.reset();
  speaks_ = Speaks::kNothingOfInterest;
}

void Conversation::out_of_memory() {
  shared_.counters.add(Counter::kEvictedMemory);
  give_up();
}

// What is lost of the server under overload does not come back: its sequence of records is broken. The client's goes
// on.
void Conversation::shed_server(WallTime time) {
  server_shed_ = true;
  if (!lossy_) shared_.counters.add(Counter::kLossy);
  lossy_ = true;
  if (StreamSink* above = layer()) above->end(Direction::kToClient, StreamEnd::kEvicted, time);
  settle_tls();
}

bool Conversation::looks_further(Direction direction, std::uint64_t size, WallTime time) {
  if (generation_ != shared_.admission.generation()) {
    generation_ = shared_.admission.generation();
    if (!shared_.admission.still_wanted(facts_.flow)) give_up();
  }
  if (speaks_ == Speaks::kNothingOfInterest) return false;
  if (direction != Direction::kToClient) return true;
  // A handshake is read to its end: without it the client's requests could not be decrypted.
  const bool can_shed = http_ != nullptr || (tls_ != nullptr && tls_->state() == TlsState::kDecrypting);
  if (!server_shed_ && can_shed && shared_.admission.sheds_server_payload()) shed_server(time);
  if (server_shed_) shared_.counters.add(Counter::kShedPayloadBytes, size);
  return !server_shed_;
}

bool Conversation::decided(Direction direction, Bytes beginning, WallTime time) {
  if (speaks_ != Speaks::kUnknown) return true;
  const bool client_begins = direction == Direction::kToServer && !mid_stream_;
  if (client_begins ? client_looks_like_tls(beginning) : looks_like_tls(beginning)) {
    speaks_ = Speaks::kTls;
    tls_ = make_tls_stream(shared_.tls, facts_.flow, mid_stream_, reader_);
    began_ = time;
    if (!mid_stream_) shared_.deadlines.set(*this, time + kStallsAfter);
    return true;
  }
  if (mid_stream_ && !begins_like_http(beginning)) return false;
  speaks_ = Speaks::kClear;
  shared_.counters.add(Counter::kCleartext);
  http_ = make_http_stream(shared_.http, facts_, mid_stream_);
  return true;
}

void Conversation::hand_up(Direction direction, Bytes bytes, WallTime time) {
  if (bytes.empty() || !decided(direction, bytes, time)) return;
  layer()->data(direction, bytes, time);
  settle_tls();
  watch(time);
}

// Takes a PROXY header off. It is believed of trusted proxies only; others' is passed over, so that what follows can be
// read.
void Conversation::take_client_beginning(Bytes bytes, WallTime time) {
  if (!client_beginning_.empty()) {
    if (!shared_.budget.take(bytes.size())) return out_of_memory();
    client_beginning_.insert(client_beginning_.end(), bytes.begin(), bytes.end());
    bytes = client_beginning_;
  }
  const ProxyHeader header = read_proxy_header(bytes);
  if (header.state == ProxyHeader::State::kIncomplete && bytes.size() < kLongestProxyHeader) {
    if (!client_beginning_.empty()) return;
    if (!shared_.budget.take(bytes.size())) return out_of_memory();
    client_beginning_.assign(bytes.begin(), bytes.end());
    return;
  }
  if (header.client && shared_.admission.is_trusted_proxy(facts_.flow.client.address)) {
    facts_.proxied = header.client->address;
  }
  at_client_beginning_ = false;
  const std::size_t size = header.state == ProxyHeader::State::kThere ? std::min(header.size, bytes.size()) : 0;
  hand_up(Direction::kToServer, bytes.subspan(size), time);
  forget_beginning();
}

void Conversation::data(Direction direction, Bytes bytes, WallTime time) {
  if (!looks_further(direction, bytes.size(), time)) return;
  if (direction == Direction::kToServer && at_client_beginning_) return take_client_beginning(bytes, time);
  hand_up(direction, bytes, time);
}

void Conversation::skipped(Direction direction, std::uint64_t size, WallTime time) {
  if (!looks_further(direction, size, time)) return;
  if (StreamSink* above = layer()) above->skipped(direction, size, time);
  settle_tls();
}

void Conversation::gap(Direction direction, std::uint64_t size, WallTime time) {
  lossy_ = true;
  if (!looks_further(direction, size, time)) return;
  if (speaks_ == Speaks::kUnknown) {
    mid_stream_ = true;  // in effect: the beginning is not there
    if (direction == Direction::kToServer) forget_beginning();
    return;
  }
  layer()->gap(direction, size, time);
  settle_tls();
}

void Conversation::end(Direction direction, StreamEnd how, WallTime time) {
  if (direction == Direction::kToServer && !client_beginning_.empty()) forget_beginning();
  if (direction == Direction::kToClient && server_shed_) return;
  if (StreamSink* above = layer()) above->end(direction, how, time);
  settle_tls();
  if (how == StreamEnd::kEvicted) return;
  ended_ = true;
  tell_handshake(time);
}

std::uint64_t Conversation::ignores(Direction direction) const {
  if (speaks_ == Speaks::kNothingOfInterest) return kEverything;
  if (direction == Direction::kToClient && server_shed_) return kEverything;
  if (tls_) return tls_->ignores(direction);
  return http_ && !at_client_beginning_ ? http_->ignores(direction) : 0;
}

void Conversation::keys_arrived(WallTime now) {
  if (!tls_) return;
  tls_->keys_arrived(now);
  settle_tls();
  watch(now);
  if (ended_) tell_handshake(now);
}

void Conversation::time_passed(WallTime now) {
  if (!tls_) return;
  tls_->tick(now);
  settle_tls();
  if (ended_) tell_handshake(now);
}

// A request that did not come whole has its time from now on.
void Conversation::watch(WallTime time) {
  if (shared_.deadlines.has(*this)) return;
  const HttpStream* reading = http();
  if (reading != nullptr && reading->coming()) shared_.deadlines.set(*this, time + kStallsAfter);
}

void Conversation::deadline(WallTime now) {
  tell_handshake(now);
  HttpStream* reading = http();
  if (reading != nullptr && client_full_ && reading->tell_unread(now)) shared_.deadlines.set(*this, now + kLooksAgain);
  if (reading != nullptr && reading->coming()) {
    const auto began = reading->tell_stalled(now);
    shared_.deadlines.set(*this, began ? *began + kStallsAfter : now + kLooksAgain);
  } else if (tls_ && may_be_idle_ && !ended_) {
    shared_.deadlines.set(*this, now + kStallsAfter);  // its handshake takes longer
  }
}

void Conversation::proven() {
  facts_.proven = true;
  if (HttpStream* reading = http()) reading->facts().proven = true;
}

void Conversation::full(Direction direction, bool is_full, WallTime time) {
  if (direction == Direction::kToServer || speaks_ == Speaks::kNothingOfInterest) return;
  client_full_ = is_full;
  if (is_full && !shared_.deadlines.has(*this)) shared_.deadlines.set(*this, time + kStallsAfter);
}

// Nobody is accused whose connection could not be read.
void Conversation::tell_handshake(WallTime now) {
  if (!tls_ || !may_be_idle_) return;
  if (const HttpStream* reading = http(); reading != nullptr && reading->asked()) {
    may_be_idle_ = false;
    return;
  }
  ConnectionFacts facts = facts_;
  if (!tls_->shook_hands(facts)) return;
  may_be_idle_ = false;
  inspect::tell_handshake(shared_.http, facts, began_, now);
}

// Follows what the last call did to the TLS layer.
void Conversation::settle_tls() {
  if (!tls_) return;
  switch (tls_->state()) {
    case TlsState::kWaiting:
      return shared_.waiting.add(*this, tls_->waits_for(), facts_.flow);
    case TlsState::kHandshake:
    case TlsState::kDecrypting:
      return shared_.waiting.remove(*this);
    case TlsState::kNoKey:
    case TlsState::kUnsupported:
    case TlsState::kFailed:
      return give_up();
  }
}

}  // namespace tidegate::inspect
