// SPDX-License-Identifier: Apache-2.0
// TLS 1.3 (RFC 8446). Which keys a record needs is not written on it: a record that does not open with those of its
// epoch is tried with the next ones, so that a missed Finished or a missing handshake secret does no harm.
#include "agent/inspect/tls/connection.hpp"

namespace tidegate::inspect {
namespace {

constexpr std::uint16_t kMostTrials = 64;           // handshake records passed over, or sequence numbers tried
constexpr std::uint16_t kMostDiscarded = 4096;      // records of rejected early data
constexpr std::uint16_t kMostMidStreamRecords = 4;  // that are tried with all of these numbers
constexpr std::uint16_t kAes128Gcm = 0x1301;
constexpr std::uint16_t kAes256Gcm = 0x1302;

SecretKind handshake_secret(Direction direction) {
  return direction == Direction::kToServer ? SecretKind::kClientHandshake : SecretKind::kServerHandshake;
}
SecretKind traffic_secret(Direction direction) {
  return direction == Direction::kToServer ? SecretKind::kClientTraffic : SecretKind::kServerTraffic;
}

}  // namespace

std::unique_ptr<RecordCipher> TlsConnection::cipher_13(const Secret& from) {
  if (from.size != size_of(suite_->hash)) return nullptr;
  return make_cipher(context_.ciphers, {TlsVersion::k13, suite_, false}, keys_of_secret(*suite_, from.view()));
}

TlsConnection::Outcome TlsConnection::on_record_13(Half& one, const Record& record, WallTime time) {
  if (record.body().size() > kLargestBody13) {
    give_up(TlsState::kFailed, Counter::kMalformedTls, time);
    return Outcome::kDone;
  }
  if (one.epoch == Epoch::kPlain) {  // between a HelloRetryRequest and what follows it: rejected early data
    if (++one.trials > kMostDiscarded) give_up(TlsState::kFailed, Counter::kMalformedTls, time);
    return Outcome::kDone;
  }
  Outcome outcome = Outcome::kOtherEpoch;
  if (one.epoch == Epoch::kEarly) outcome = on_early(one, record, time);
  if (outcome == Outcome::kOtherEpoch && one.epoch == Epoch::kHandshake)
    outcome = on_handshake_epoch(one, record, time);
  if (outcome == Outcome::kOtherEpoch) outcome = on_application(one, record, time);
  return outcome;
}

// `known`: the server has said so, or can be taken to have.
bool TlsConnection::early_data_rejected(bool& known) const {
  const ServerHello& hello = *handshake_->server;
  known = true;
  if (!hello.resumed_psk) return true;
  if (handshake_->extensions) return !handshake_->extensions->early_data;
  const Half& server = half(Direction::kToClient);
  known = peer_expired_ || server.blind || server.ended || server.epoch == Epoch::kApplication;
  return false;
}

// What a client sends before it has heard from the server (0-RTT).
TlsConnection::Outcome TlsConnection::on_early(Half& one, const Record& record, WallTime time) {
  bool known = false;
  bool rejected = early_data_rejected(known);
  if (!known) return Outcome::kNeedsPeer;
  if (!rejected && !one.cipher) {
    // Servers share this secret when they accept early data; one without it may be read from its next epoch on.
    if (!secret(SecretKind::kClientEarly) && !keys_expired_) return Outcome::kNeedsKeys;
    one.cipher = cipher_13(secret(SecretKind::kClientEarly));
    rejected = one.cipher == nullptr;
  }
  if (!rejected && record.damaged()) {
    on_damaged(one, record, time);
    return Outcome::kDone;
  }
  const auto opened = rejected ? std::nullopt : open(one, record);
  if (!opened) {
    one.discards = one.sequence == 0;
    enter(one, Epoch::kHandshake);
    return Outcome::kOtherEpoch;
  }
  on_content(one, *opened, time);
  return Outcome::kDone;
}

std::optional<Opened> TlsConnection::try_application(Half& one, const Record& record, std::uint64_t sequence) {
  const Secret& traffic = secret(traffic_secret(one.direction));
  auto cipher = traffic ? cipher_13(traffic) : nullptr;
  if (!cipher) return std::nullopt;
  const auto opened = cipher->open(record, sequence, context_.scratch());
  if (!opened) return std::nullopt;
  enter(one, Epoch::kApplication);
  one.cipher = std::move(cipher);
  one.traffic = traffic;
  one.sequence = sequence + 1;
  return opened;
}

TlsConnection::Outcome TlsConnection::on_handshake_epoch(Half& one, const Record& record, WallTime time) {
  const Secret& handshake = secret(handshake_secret(one.direction));
  if (!one.cipher && handshake) one.cipher = cipher_13(handshake);
  if (record.damaged()) {  // what it was shows when the next one opens, or does not
    client_damaged_ |= one.direction == Direction::kToServer;
    ++one.sequence;
    return Outcome::kDone;
  }
  if (const auto opened = one.cipher ? open(one, record) : std::nullopt; opened) {
    one.discards = false;
    on_content(one, *opened, time);
    return Outcome::kDone;
  }
  if (const auto opened = try_application(one, record, 0); opened) {
    verified(one);
    on_content(one, *opened, time);
    return Outcome::kDone;
  }
  const bool only_traffic = !handshake && secret(traffic_secret(one.direction));
  if (only_traffic && ++one.trials <= kMostTrials) return Outcome::kDone;
  if (one.discards && one.cipher && ++one.trials <= kMostDiscarded) return Outcome::kDone;
  // Without a sequence number used up: these keys are of another connection with the same random, or came in part.
  if (one.sequence == 0) one.cipher.reset();
  return Outcome::kNeedsKeys;
}

TlsConnection::Outcome TlsConnection::on_application(Half& one, const Record& record, WallTime time) {
  if (!one.cipher) {
    const Secret& traffic = secret(traffic_secret(one.direction));
    if (!traffic) return Outcome::kNeedsKeys;
    one.cipher = cipher_13(traffic);
    if (!one.cipher) return Outcome::kNeedsKeys;
    one.traffic = traffic;
  }
  return on_content_record(one, record, {.may_be_others = one.sequence == 0}, time);
}

// RFC 8446, 7.2. Later records of this half have new keys; the rest of this record must be empty.
void TlsConnection::on_key_update(Half& one, WallTime time) {
  one.traffic = next_secret(*suite_, one.traffic);
  one.cipher = cipher_13(one.traffic);
  one.sequence = 0;
  if (!one.cipher) give_up(TlsState::kFailed, std::nullopt, time);
}

// The beginning was missed: keys and suite by the endpoints, the sequence number by trial.
TlsConnection::Outcome TlsConnection::on_mid_stream(Half& one, const Record& record, WallTime time) {
  if (!handshake_) return Outcome::kNeedsKeys;
  if (secret(SecretKind::kMaster)) {  // TLS 1.2: the ServerHello would be needed too
    give_up(TlsState::kNoKey, Counter::kNoKey, time);
    return Outcome::kDone;
  }
  const Secret& traffic = secret(traffic_secret(one.direction));
  if (!traffic) return Outcome::kNeedsKeys;
  const std::uint16_t number = handshake_->secrets.cipher;
  suite_ = find_suite(number != 0 ? number : traffic.size == 48 ? kAes256Gcm : kAes128Gcm);
  if (suite_ == nullptr || !suite_->tls13) {
    give_up(TlsState::kUnsupported, Counter::kUnsupportedCipher, time);
    return Outcome::kDone;
  }
  std::optional<Opened> opened;
  for (std::uint16_t i = 0; i < kMostTrials && !opened && !record.damaged(); ++i)
    opened = try_application(one, record, i);
  if (!opened) return ++one.trials <= kMostMidStreamRecords ? Outcome::kDone : Outcome::kNeedsKeys;
  version_ = TlsVersion::k13;
  // Requests are missing then; a server's first records are tickets.
  if (one.sequence > 1 && missed_hello_ && one.direction == Direction::kToServer) miss(one, time);
  verified(one);
  on_content(one, *opened, time);
  return Outcome::kDone;
}

}  // namespace tidegate::inspect
