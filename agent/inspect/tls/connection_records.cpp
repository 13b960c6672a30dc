// SPDX-License-Identifier: Apache-2.0
// From bytes to records, and what is the same in all versions: plain handshakes, alerts, skipping, damaged records.
#include <algorithm>

#include "agent/inspect/tls/connection.hpp"

namespace tidegate::inspect {
namespace {

constexpr std::size_t kWorthSkipping = 256;  // below, decrypting is as cheap as looking at the last block
constexpr std::size_t kMostOverhead = 512;   // of a record over its content, padding of TLS 1.3 aside
constexpr std::uint16_t kMostUnsynchronised = 256;
constexpr std::byte kFatal{2};
constexpr std::byte kCloseNotify{0};
constexpr std::byte kUserCancelled{90};

}  // namespace

// Takes whole records off `bytes`. When one cannot be read yet it is left there, or complete in half.partial.
TlsConnection::Outcome TlsConnection::feed(Half& one, Bytes& bytes, WallTime time) {
  while (!bytes.empty()) {
    if (dead() || deaf(one) || !synchronise(one, bytes)) {
      bytes = {};
      return Outcome::kDone;
    }
    Outcome outcome = Outcome::kDone;
    // 0: its header is not complete, or none.
    std::size_t size = bytes.size() >= kRecordHeader ? record_size(bytes).value_or(0) : 0;
    if (size == 0 && bytes.size() >= kRecordHeader && may_be_old_hello(one)) size = old_hello_size(bytes).value_or(0);
    if (mid_stream_ && !one.verified && one.partial.empty() && bytes.size() >= kRecordHeader && size == 0) {
      one.synchronised = false;  // what looked like records were none
      continue;
    }
    if (one.partial.empty() && size != 0 && size <= bytes.size()) {
      outcome = on_record(one, record_of(bytes.first(size)), time);
      if (outcome == Outcome::kDone) bytes = bytes.subspan(size);
    } else {
      outcome = feed_partial(one, bytes, time);
    }
    if (outcome != Outcome::kDone) return outcome;
  }
  return Outcome::kDone;
}

TlsConnection::Outcome TlsConnection::feed_partial(Half& one, Bytes& bytes, WallTime time) {
  if (!one.partial.complete()) {
    switch (one.partial.add(bytes, context_.buffers, may_be_old_hello(one))) {
      case PartialRecord::State::kIncomplete:
        return Outcome::kDone;
      case PartialRecord::State::kComplete:
        break;
      case PartialRecord::State::kMalformed:
        give_up(TlsState::kFailed, Counter::kMalformedTls, time);
        return Outcome::kDone;
      case PartialRecord::State::kNoMemory:
        give_up(TlsState::kFailed, Counter::kEvictedMemory, time);
        return Outcome::kDone;
    }
  }
  one.time = time;
  const Outcome outcome = on_record(one, one.partial.record(), time);
  if (outcome == Outcome::kDone && !dead()) one.partial.clear();
  return outcome;
}

// A connection whose beginning was missed is read from the first segment that looks like the start of a record.
bool TlsConnection::synchronise(Half& one, Bytes bytes) {
  if (one.synchronised) return true;
  if (bytes.size() >= kRecordHeader && record_size(bytes)) return one.synchronised = true;
  if (++one.trials >= kMostUnsynchronised) give_up(TlsState::kNoKey, Counter::kNoKey, {});
  return false;
}

// Servers take it as the first message of a client only.
bool TlsConnection::may_be_old_hello(const Half& one) const { return !mid_stream_ && awaits_hello(one); }

void TlsConnection::on_old_hello(Half& one, const Record& record, WallTime time) {
  if (record.damaged()) return miss_hello(one);
  on_client_hello(read_old_client_hello(record.bytes.subspan(2)), time);
}

TlsConnection::Outcome TlsConnection::on_record(Half& one, const Record& record, WallTime time) {
  if (is_old_hello(record)) {
    on_old_hello(one, record, time);
    return Outcome::kDone;
  }
  const bool plain =
      version_ == TlsVersion::k13 ? record.type != ContentType::kApplicationData : one.epoch == Epoch::kPlain;
  return plain ? on_plain(one, record, time) : on_protected(one, record, time);
}

TlsConnection::Outcome TlsConnection::on_plain(Half& one, const Record& record, WallTime time) {
  if (record.type == ContentType::kApplicationData) {
    if (mid_stream_ && version_ == TlsVersion::kNone) return on_protected(one, record, time);
    const bool may_be_early = version_ == TlsVersion::kNone && one.direction == Direction::kToServer;
    if (may_be_early && !peer_expired_) return Outcome::kNeedsPeer;  // the ServerHello tells how it is protected
    if (may_be_early || mid_stream_) {                               // or the ChangeCipherSpec was missed
      give_up(TlsState::kNoKey, Counter::kNoKey, time);
    } else {
      give_up(TlsState::kFailed, Counter::kMalformedTls, time);
    }
    return Outcome::kDone;
  }
  const bool handshake = record.type == ContentType::kHandshake;
  if (handshake && record.damaged() && awaits_hello(one)) {
    miss_hello(one);
    return Outcome::kDone;
  }
  const bool late_hello = awaits_hello(one) && one.sequence == 0;
  const bool misplaced = handshake && one.epoch != Epoch::kPlain && !late_hello;
  if (record.damaged() || misplaced) {
    give_up(TlsState::kFailed, misplaced ? std::optional(Counter::kMalformedTls) : std::nullopt, time);
    return Outcome::kDone;
  }
  on_content(one, {record.type, record.body()}, time);
  return Outcome::kDone;
}

// Keys may have come since they were looked up last, and a random may be that of several connections: nothing is waited
// for before all that the store has were tried.
TlsConnection::Outcome TlsConnection::on_protected(Half& one, const Record& record, WallTime time) {
  const auto read = [&] {
    const bool mid_stream = mid_stream_ && one.epoch == Epoch::kPlain && !(handshake_ && handshake_->server);
    if (mid_stream) return on_mid_stream(one, record, time);
    return version_ == TlsVersion::k13 ? on_record_13(one, record, time) : on_record_12(one, record, time);
  };
  Outcome outcome = read();
  for (std::size_t rank = 0; !dead() && outcome == Outcome::kNeedsKeys && rank < KeyStore::kMostAlike; ++rank) {
    const Loaded loaded = load_secrets(rank);
    if (loaded == Loaded::kNothing) break;
    if (loaded == Loaded::kOther) outcome = read();
  }
  if (dead() || outcome != Outcome::kNeedsKeys || !keys_expired_) return dead() ? Outcome::kDone : outcome;
  make_blind(one, time);
  return Outcome::kDone;
}

// Of an opened record, or of a plain one.
void TlsConnection::on_content(Half& one, const Opened& opened, WallTime time) {
  switch (opened.type) {
    case ContentType::kApplicationData:
      if (opened.content.empty()) return;
      announce(time);
      reader_.data(one.direction, opened.content, time);
      return;
    case ContentType::kHandshake:
      return on_handshake(one, opened.content, time);
    case ContentType::kAlert:
      return on_alert(one, opened.content, time);
    case ContentType::kChangeCipherSpec:
      return on_change_cipher_spec(one, time);
    case ContentType::kHeartbeat:
      return;
  }
}

void TlsConnection::on_alert(Half& one, Bytes content, WallTime time) {
  if (content.size() != 2) return;
  if (content[1] == kCloseNotify) return deliver_end(one, StreamEnd::kFinished, time);
  const bool fatal = version_ == TlsVersion::k13 ? content[1] != kUserCancelled : content[0] == kFatal;
  if (fatal) deliver_end(one, StreamEnd::kReset, time);
}

void TlsConnection::on_handshake(Half& one, Bytes content, WallTime time) {
  HandshakeReader::Message message;
  while (!content.empty() && !dead() && !deaf(one)) {
    const HandshakeReader::Step step = one.handshake.next(content, message);
    if (step == HandshakeReader::Step::kTooLong) {
      // Most likely encrypted, or the rest of a message that was missed.
      const bool unknown = mid_stream_ && (version_ == TlsVersion::kNone || awaits_hello(one));
      return unknown ? give_up(TlsState::kNoKey, Counter::kNoKey, time)
                     : give_up(TlsState::kFailed, Counter::kMalformedTls, time);
    }
    if (step == HandshakeReader::Step::kMessage) on_message(one, message, time);
  }
  if (dead() || one.handshake.kept() == one.handshake_charge) return;
  context_.budget.give_back(one.handshake_charge);
  one.handshake_charge = context_.budget.take(one.handshake.kept()) ? one.handshake.kept() : 0;
  if (one.handshake_charge != one.handshake.kept()) give_up(TlsState::kFailed, Counter::kEvictedMemory, time);
}

void TlsConnection::on_message(Half& one, const HandshakeReader::Message& message, WallTime time) {
  const bool from_client = one.direction == Direction::kToServer;
  switch (message.type) {
    case HandshakeType::kClientHello:
      if (from_client) on_client_hello(read_client_hello(message.body), time);
      return;
    case HandshakeType::kServerHello:
      if (!from_client) on_server_hello(message.body, time);
      return;
    case HandshakeType::kEncryptedExtensions:
      if (!from_client && one.epoch == Epoch::kHandshake) {
        handshake_->extensions = read_encrypted_extensions(message.body);
        if (!handshake_->extensions) give_up(TlsState::kFailed, Counter::kMalformedTls, time);
      }
      return;
    case HandshakeType::kEndOfEarlyData:
      if (one.epoch == Epoch::kEarly) enter(one, Epoch::kHandshake);
      return;
    case HandshakeType::kFinished:
      if (one.epoch == Epoch::kHandshake) enter(one, Epoch::kApplication);
      return;
    case HandshakeType::kKeyUpdate:
      if (version_ == TlsVersion::k13 && one.epoch == Epoch::kApplication) on_key_update(one, time);
      return;
  }
}

// The first one, the one after a HelloRetryRequest, or that of a renegotiation.
void TlsConnection::on_client_hello(std::optional<ClientHello> hello, WallTime time) {
  if (!hello) return give_up(TlsState::kFailed, Counter::kMalformedTls, time);
  const bool retry = handshake_ && handshake_->server && handshake_->server->retry;
  if (retry && handshake_->client) {
    hello->ja4 = std::move(handshake_->client->ja4);
    handshake_->client = std::move(hello);
    return;
  }
  if (handshake_ && handshake_->server && awaits_hello(half(Direction::kToServer))) {
    // It was captured after its answer, or is the second one and the first was missed.
    if (retry) hello->ja4.clear();
    if (!retry && version_ == TlsVersion::k13 && hello->early_data) enter(half(Direction::kToServer), Epoch::kEarly);
    handshake_->client = std::move(hello);
    return;
  }
  if (handshake_ && handshake_->server && version_ == TlsVersion::k13) return;
  begin_handshake();
  handshake_->client = std::move(hello);
}

void TlsConnection::on_server_hello(Bytes body, WallTime time) {
  auto hello = read_server_hello(body);
  if (!hello) return give_up(TlsState::kFailed, Counter::kMalformedTls, time);
  if (announced_ && hello->version == TlsVersion::k13 && version_ != TlsVersion::k13) {
    return give_up(TlsState::kFailed, Counter::kMalformedTls, time);
  }
  if (!handshake_) begin_handshake();
  const bool again = handshake_->server && !handshake_->server->retry;
  if (again || (announced_ && version_ == TlsVersion::k13)) return;
  version_ = hello->version;
  suite_ = find_suite(hello->cipher);
  const bool tls13 = version_ == TlsVersion::k13;
  const bool supported = suite_ != nullptr && suite_->tls13 == tls13 && version_ != TlsVersion::kNone &&
                         (version_ >= TlsVersion::k12 || suite_->is_cbc());
  if (!supported) return give_up(TlsState::kUnsupported, Counter::kUnsupportedCipher, time);
  handshake_->server = std::move(hello);
  if (!tls13 || handshake_->server->retry) return;
  const bool early = handshake_->client && handshake_->client->early_data;
  enter(half(Direction::kToServer), early ? Epoch::kEarly : Epoch::kHandshake);
  enter(half(Direction::kToClient), Epoch::kHandshake);
}

void TlsConnection::enter(Half& one, Epoch epoch) {
  one.epoch = epoch;
  one.cipher.reset();
  one.sequence = 0;
  one.verified = false;
  one.settled = false;
  one.trials = 0;
}

std::optional<Opened> TlsConnection::open(Half& one, const Record& record) {
  auto opened = one.cipher->open(record, one.sequence, context_.scratch());
  if (opened) ++one.sequence;
  return opened;
}

void TlsConnection::begin_handshake() {
  handshake_ = std::make_unique<Handshake>();
  for (Half& one : halves_) one.settled = false;
  keys_expired_ = false;
  peer_expired_ = false;
}

// A record of this half's last epoch was opened. When both are so far, the secrets are not needed any more.
void TlsConnection::verified(Half& one) {
  if (one.verified) return;
  one.verified = one.settled = true;
  if (waited_) count_once(Counter::kKeysLate);
  if (!other(one).settled || !handshake_) return;
  context_.keys.forget(handshake_->secrets);
  handshake_->secrets = SessionSecrets();
  drop_handshake();
}

void TlsConnection::drop_handshake() {
  if (announced_ && halves_[0].settled && halves_[1].settled) handshake_.reset();
}

void TlsConnection::announce(WallTime time) {
  if (announced_) return;
  announced_ = true;
  count_once(Counter::kDecrypted);
  std::string sni, alpn, ja4;
  if (handshake_ && handshake_->client) {
    sni = std::move(handshake_->client->sni);
    ja4 = std::move(handshake_->client->ja4);
  }
  if (handshake_ && handshake_->server) alpn = handshake_->server->alpn;
  if (handshake_ && handshake_->extensions) alpn = handshake_->extensions->alpn;
  reader_.established(version_, sni, alpn, ja4);
  for (const Half& one : halves_) {
    if (one.missed) reader_.gap(one.direction, 0, time);
  }
  drop_handshake();
}

TlsConnection::Loaded TlsConnection::load_secrets(std::size_t rank) {
  if (!handshake_) handshake_ = std::make_unique<Handshake>();
  std::optional<SessionSecrets> found;
  if (handshake_->client) {
    found = context_.keys.find(handshake_->client->random, flow_, rank);
  } else if (rank == 0) {
    found = context_.keys.find(flow_);
  }
  if (!found) return Loaded::kNothing;
  const auto same = [](const Secret& a, const Secret& b) { return std::ranges::equal(a.view(), b.view()); };
  const SessionSecrets& known = handshake_->secrets;
  if (known.random == found->random && std::ranges::equal(known.secrets, found->secrets, same)) return Loaded::kSame;
  handshake_->secrets = *found;
  return Loaded::kOther;
}

// False: the store knows nothing but what is known.
bool TlsConnection::load_other_secrets() {
  for (std::size_t rank = 0; rank < KeyStore::kMostAlike; ++rank) {
    const Loaded loaded = load_secrets(rank);
    if (loaded != Loaded::kSame) return loaded == Loaded::kOther;
  }
  return false;
}

// Passes a record over that lies wholly in what the reader ignores.
TlsConnection::Outcome TlsConnection::on_content_record(Half& one, const Record& record, Leniency leniency,
                                                        WallTime time) {
  if (record.damaged()) {
    on_damaged(one, record, time);
    return Outcome::kDone;
  }
  if (one.verified && leniency.may_skip && skip(one, record, time)) return Outcome::kDone;
  const auto opened = open(one, record);
  if (!opened && !one.verified && leniency.may_be_others) {
    one.cipher.reset();
    return Outcome::kNeedsKeys;
  }
  if (!opened) {
    context_.counters.add(Counter::kDecryptFailed);
    lose(one, time);
    return Outcome::kDone;
  }
  verified(one);
  on_content(one, *opened, time);
  return Outcome::kDone;
}

bool TlsConnection::skip(Half& one, const Record& record, WallTime time) {
  if (!announced_ || record.damaged() || record.body().size() < kWorthSkipping) return false;
  const std::uint64_t ignored = reader_.ignores(one.direction);
  const std::size_t size = record.body().size();
  if (ignored < kWorthSkipping / 2 || (size > kMostOverhead && ignored < size - kMostOverhead)) return false;
  const auto inside = one.cipher->peek(record, one.sequence);
  if (!inside || inside->type != ContentType::kApplicationData || inside->size > ignored) return false;
  ++one.sequence;
  context_.counters.add(Counter::kSkippedBytes, inside->size);
  if (inside->size != 0) reader_.skipped(one.direction, inside->size, time);
  return true;
}

// Content that was lost, of unknown size; its reader is told once there is one.
void TlsConnection::miss(Half& one, WallTime time) {
  one.missed = true;
  if (announced_ && !one.ended) reader_.gap(one.direction, 0, time);
}

// A record with a hole cannot be opened, but its number is known, and mostly its content's size.
void TlsConnection::on_damaged(Half& one, const Record& record, WallTime time) {
  client_damaged_ |= one.direction == Direction::kToServer;
  const auto inside = one.cipher->peek(record, one.sequence);
  if (!inside && version_ == TlsVersion::k10) return lose(one, time);
  ++one.sequence;
  if (inside && inside->type != ContentType::kApplicationData) return;
  inside&& announced_ ? reader_.gap(one.direction, inside->size, time) : miss(one, time);
}

}  // namespace tidegate::inspect
