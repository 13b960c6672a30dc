// SPDX-License-Identifier: Apache-2.0
// Events of a connection: fed through at once while everything can be read, else kept and replayed in their order.
#include "agent/inspect/tls/connection.hpp"

#include <algorithm>
#include <limits>

namespace tidegate::inspect {
namespace {

// What a connection costs beside its buffers: itself, its handshake, and two ciphers without their states in libcrypto.
constexpr std::size_t kCost = 2 << 10;
constexpr std::size_t kMidStreamWaitingBytes = 64 << 10;
constexpr std::chrono::seconds kPeerWait{5};

}  // namespace

TlsConnection::TlsConnection(TlsContext& context, const Flow& flow, bool mid_stream, TlsReader& reader)
    : context_(context), reader_(reader), flow_(flow), mid_stream_(mid_stream) {
  for (Half& one : halves_) one.synchronised = !mid_stream;
  charged_ = context.budget.take(kCost);
  if (!charged_) give_up(TlsState::kFailed, Counter::kEvictedMemory, {});
}

TlsConnection::~TlsConnection() {
  const bool never_found = missed_hello_ && !dead() && !half(Direction::kToServer).synchronised;
  if (waiting_for_keys() || never_found) count_once(Counter::kNoKey);
  for (const Half& one : halves_) context_.budget.give_back(one.handshake_charge);
  context_.ciphers.forget_key();
  if (charged_) context_.budget.give_back(kCost);
}

bool TlsConnection::dead() const { return final_.has_value(); }

// The client has begun no handshake that could be read, and nothing of it was decrypted.
bool TlsConnection::awaits_hello(const Half& one) const {
  return one.direction == Direction::kToServer && one.epoch != Epoch::kApplication &&
         !(handshake_ && handshake_->client);
}

bool TlsConnection::waiting() const {
  return std::ranges::any_of(halves_, [](const Half& one) { return one.blocked != Outcome::kDone; });
}

bool TlsConnection::waiting_for_keys() const {
  return std::ranges::any_of(halves_, [](const Half& one) { return one.blocked == Outcome::kNeedsKeys; });
}

void TlsConnection::count_once(Counter counter) {
  const std::uint64_t bit = 1ULL << static_cast<unsigned>(counter);
  if ((counted_ & bit) == 0) context_.counters.add(counter);
  counted_ |= bit;
}
static_assert(kCounters <= 64);

template <typename Add>
void TlsConnection::enqueue(WallTime time, Add add) {
  const std::size_t limit = mid_stream_ && version_ == TlsVersion::kNone
                                ? std::min(kMidStreamWaitingBytes, context_.limits.waiting_bytes)
                                : context_.limits.waiting_bytes;
  if (!queue_) queue_ = std::make_unique<WaitingQueue>(limit, context_.waiting);
  if (add(*queue_)) {
    pump(time, false);
  } else {
    count_once(Counter::kNoKey);
    give_up(TlsState::kNoKey, Counter::kKeyWaitOverflow, time);
  }
}

void TlsConnection::data(Direction direction, Bytes bytes, WallTime time) {
  Half& one = half(direction);
  if (expired(time)) pump(time, false);
  if (dead() || deaf(one)) return;
  if (!waiting()) {
    const Outcome outcome = feed(one, bytes, time);
    if (dead() || outcome == Outcome::kDone) return;
    one.order = 0;
    block(one, outcome, time);
  }
  enqueue(time, [&](WaitingQueue& queue) { return queue.add_data(direction, bytes, time); });
}

void TlsConnection::skipped(Direction direction, std::uint64_t size, WallTime time) {
  // Only what is not looked at any more is ignored; anything else would be a gap.
  if (!dead() && !deaf(half(direction))) gap(direction, size, time);
}

void TlsConnection::gap(Direction direction, std::uint64_t size, WallTime time) {
  Half& one = half(direction);
  if (dead() || deaf(one)) return;
  if (waiting()) return enqueue(time, [&](WaitingQueue& queue) { return queue.add_gap(direction, size, time); });
  const Outcome outcome = on_gap(one, size, time);
  if (dead() || outcome == Outcome::kDone) return;
  one.order = 0;
  block(one, outcome, time);
  pump(time, false);
}

void TlsConnection::end(Direction direction, StreamEnd how, WallTime time) {
  if (!dead() && waiting() && how == StreamEnd::kEvicted) {
    expire();
    pump(time, true);
  }
  if (dead()) return;
  if (waiting()) return enqueue(time, [&](WaitingQueue& queue) { return queue.add_end(direction, how, time); });
  deliver_end(half(direction), how, time);
}

std::uint64_t TlsConnection::ignores(Direction direction) const {
  return dead() || deaf(half(direction)) ? std::numeric_limits<std::uint64_t>::max() : 0;
}

std::optional<ClientRandom> TlsConnection::waits_for() const {
  if (!handshake_ || !handshake_->client) return std::nullopt;
  return handshake_->client->random;
}

void TlsConnection::keys_arrived(WallTime now) {
  if (dead() || !waiting_for_keys() || !load_other_secrets()) return;
  pump(now, true);
}

void TlsConnection::tick(WallTime now) {
  if (expired(now)) pump(now, false);
}

TlsState TlsConnection::state() const {
  if (final_) return *final_;
  if (waiting()) return TlsState::kWaiting;
  return announced_ ? TlsState::kDecrypting : TlsState::kHandshake;
}

bool TlsConnection::shook_hands(ConnectionFacts& facts) const {
  if (dead() || waiting() || mid_stream_ || client_damaged_ || half(Direction::kToServer).blind) return false;
  if (announced_) return true;
  if (!handshake_ || !handshake_->client || !handshake_->server || handshake_->server->retry) return false;
  facts.tls = version_;
  facts.sni = handshake_->client->sni;
  facts.ja4 = handshake_->client->ja4;
  facts.alpn = handshake_->extensions ? handshake_->extensions->alpn : handshake_->server->alpn;
  return true;
}

void TlsConnection::block(Half& one, Outcome outcome, WallTime time) {
  const bool first_for_keys = outcome == Outcome::kNeedsKeys && !waiting_for_keys();
  if (!waits_since_ || first_for_keys) waits_since_ = time;
  one.blocked = outcome;
  if (outcome == Outcome::kNeedsKeys) waited_ = true;
}

bool TlsConnection::expired(WallTime now) const {
  if (!waits_since_ || !waiting()) return false;
  return now - *waits_since_ >= (waiting_for_keys() ? context_.limits.key_wait : kPeerWait);
}

// From here on nothing is waited for: a half without keys is left alone.
void TlsConnection::expire() {
  if (waiting_for_keys()) keys_expired_ = true;
  peer_expired_ = true;
}

// Of the halves that can go on, the one whose next event came first.
TlsConnection::Half* TlsConnection::next_half(const std::array<bool, 2>& stuck) {
  Half* next = nullptr;
  std::uint64_t least = 0;
  for (Half& one : halves_) {
    const WaitingQueue::Event* event = queue_ ? queue_->front(one.direction) : nullptr;
    const bool record = one.blocked != Outcome::kDone && !one.partial.empty() && one.partial.complete();
    if (stuck[index_of(one.direction)] || (event == nullptr && !record)) continue;
    const std::uint64_t order = record ? one.order : event->order;
    if (next == nullptr || order < least) {
      next = &one;
      least = order;
    }
  }
  return next;
}

// One event, or the record that waits complete.
TlsConnection::Outcome TlsConnection::step(Half& one) {
  if (one.blocked != Outcome::kDone && one.partial.complete()) {
    Bytes nothing;
    return feed_partial(one, nothing, one.time);
  }
  // Giving up frees the queue: nothing of it is touched after that.
  WaitingQueue::Event& event = *queue_->front(one.direction);
  Outcome outcome = Outcome::kDone;
  one.order = event.order;
  switch (event.kind) {
    case WaitingQueue::Event::Kind::kEnd:
      deliver_end(one, event.how, event.time);
      break;
    case WaitingQueue::Event::Kind::kGap:
      if (!deaf(one)) outcome = on_gap(one, event.size, event.time);
      break;
    case WaitingQueue::Event::Kind::kData: {
      Bytes rest = event.rest();
      if (!deaf(one)) outcome = feed(one, rest, event.time);
      if (dead()) return Outcome::kDone;
      event.taken = event.size - rest.size();
      if (outcome != Outcome::kDone && !rest.empty()) return outcome;
      break;
    }
  }
  if (!dead()) queue_->pop(one.direction);
  return outcome;
}

void TlsConnection::replay(WallTime now) {
  std::array<bool, 2> stuck{};
  for (Half* one = next_half(stuck); one != nullptr; one = next_half(stuck)) {
    const Outcome outcome = step(*one);
    if (dead()) return;
    if (outcome == Outcome::kDone) {
      one->blocked = Outcome::kDone;
      stuck[index_of(opposite(one->direction))] = false;
      continue;
    }
    block(*one, outcome, now);
    stuck[index_of(one->direction)] = true;
    if (outcome == Outcome::kNeedsKeys) return;
  }
}

// Goes on as far as possible; when all has been read, back to the fast way.
void TlsConnection::pump(WallTime now, bool keys_changed) {
  if (!waiting_for_keys() || keys_changed) replay(now);
  while (!dead() && expired(now)) {
    expire();
    replay(now);
  }
  if (dead() || waiting()) return;
  waits_since_.reset();
  queue_.reset();
}

TlsConnection::Outcome TlsConnection::on_gap(Half& one, std::uint64_t size, WallTime time) {
  if (!one.synchronised) return Outcome::kDone;
  if (!announced_ && one.epoch == Epoch::kApplication) miss(one, time);
  if (size == 0 || !one.partial.add_hole(size, context_.buffers)) {
    lose(one, time);
    return Outcome::kDone;
  }
  Bytes nothing;
  return one.partial.complete() ? feed_partial(one, nothing, time) : Outcome::kDone;
}

void TlsConnection::deliver_end(Half& one, StreamEnd how, WallTime time) {
  if (one.ended) return;
  one.ended = true;
  one.partial.clear();
  if (announced_) reader_.end(one.direction, how, time);
}

void TlsConnection::make_blind(Half& one, WallTime time) {
  count_once(Counter::kNoKey);
  if (other(one).blind) return give_up(TlsState::kNoKey, std::nullopt, time);
  one.blind = true;
  one.cipher.reset();
  miss(one, time);
}

// A ClientHello that was lost, in part at least: keys are found by the endpoints then.
void TlsConnection::miss_hello(Half& one) {
  mid_stream_ = true;
  missed_hello_ = true;
  one.handshake.clear();
}

// Which records follow in this half is not known any more. Before its ClientHello that is like a beginning that was
// missed: it is taken up again where a segment begins with a record. Once each has its own keys, the other one does not
// need it.
void TlsConnection::lose(Half& one, WallTime time) {
  if (awaits_hello(one)) {
    miss_hello(one);
    one.partial.clear();
    one.synchronised = false;
    return;
  }
  const bool apart = one.epoch == Epoch::kApplication && other(one).epoch == Epoch::kApplication;
  if (!apart || deaf(other(one))) {
    const bool unread = missed_hello_ && !announced_;
    return give_up(TlsState::kFailed, unread ? std::optional(Counter::kNoKey) : std::nullopt, time);
  }
  one.blind = true;
  one.cipher.reset();
  miss(one, time);
}

void TlsConnection::give_up(TlsState state, std::optional<Counter> counter, WallTime time) {
  if (dead()) return;
  if (counter) count_once(*counter);
  final_ = state;
  context_.ciphers.forget_key();
  waits_since_.reset();
  handshake_.reset();
  queue_.reset();
  for (Half& one : halves_) {
    one.blocked = Outcome::kDone;
    one.partial.clear();
    one.handshake.clear();
    one.cipher.reset();
    one.traffic = Secret();
    if (announced_ && !one.ended) {
      if (!one.blind) reader_.gap(one.direction, 0, time);
      reader_.end(one.direction, StreamEnd::kEvicted, time);
    }
    one.ended = true;
  }
}

}  // namespace tidegate::inspect
