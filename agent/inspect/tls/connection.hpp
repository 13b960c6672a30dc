// SPDX-License-Identifier: Apache-2.0
// TlsStream's inside. A connection has two halves; each goes through epochs, which differ in their keys:
//
//   TLS 1.3   plain ─► early (client, 0-RTT) ─► handshake ─► application (KeyUpdate: new keys, same epoch)
//   TLS 1.2   plain ─► application, by ChangeCipherSpec; again at each renegotiation
//
// A record is looked at in the epoch of its half. When it cannot be opened yet (keys are missing, or the other half has
// to tell something first), it and all that follows waits; see connection.cpp. The records themselves are read in
// connection_records.cpp, connection_12.cpp and connection_13.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "agent/inspect/tls/handshake_reader.hpp"
#include "agent/inspect/tls/hello.hpp"
#include "agent/inspect/tls/record.hpp"
#include "agent/inspect/tls/record_cipher.hpp"
#include "agent/inspect/tls/tls_context.hpp"
#include "agent/inspect/tls/tls_stream.hpp"
#include "agent/inspect/tls/waiting_queue.hpp"

namespace tidegate::inspect {

class TlsConnection final : public TlsStream {
 public:
  TlsConnection(TlsContext& context, const Flow& flow, bool mid_stream, TlsReader& reader);
  ~TlsConnection() override;
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;

  void data(Direction direction, Bytes bytes, WallTime time) override;
  void skipped(Direction direction, std::uint64_t size, WallTime time) override;
  void gap(Direction direction, std::uint64_t size, WallTime time) override;
  void end(Direction direction, StreamEnd how, WallTime time) override;
  std::uint64_t ignores(Direction direction) const override;

  std::optional<ClientRandom> waits_for() const override;
  void keys_arrived(WallTime now) override;
  void tick(WallTime now) override;
  TlsState state() const override;
  bool shook_hands(ConnectionFacts& facts) const override;

 private:
  enum class Epoch : std::uint8_t { kPlain, kEarly, kHandshake, kApplication };
  enum class Outcome : std::uint8_t {
    kDone,
    kNeedsKeys,   // the record stays; tried again when keys arrive
    kNeedsPeer,   // the record stays; tried again when the other half went on
    kOtherEpoch,  // the record belongs to the epoch that the half is in now
  };

  struct Half {
    explicit Half(Direction its_direction) : direction(its_direction) {}

    const Direction direction;
    Epoch epoch = Epoch::kPlain;
    Outcome blocked = Outcome::kDone;
    bool blind = false;     // its keys never came, or bytes were lost: it is not looked at any more
    bool missed = false;    // content of it was lost: a reader that comes later is told so
    bool ended = false;     // its reader was told, or would have been
    bool verified = false;  // a record of this epoch was opened
    bool settled = false;   // and it is the last epoch of the present handshake
    bool synchronised = true;
    bool discards = false;  // records that do not open are rejected early data
    std::uint16_t trials = 0;
    std::uint64_t sequence = 0;
    std::uint64_t order = 0;  // of the event that completed a record which waits in `partial`
    WallTime time{};          // and its time
    PartialRecord partial;
    HandshakeReader handshake;
    std::size_t handshake_charge = 0;
    std::unique_ptr<RecordCipher> cipher;
    Secret traffic;  // TLS 1.3 application traffic
  };

  // What is needed until both halves were read.
  struct Handshake {
    std::optional<ClientHello> client;
    std::optional<ServerHello> server;
    std::optional<EncryptedExtensions> extensions;
    SessionSecrets secrets;
  };

  // connection.cpp: events, waiting, giving up
  Half& half(Direction direction) { return halves_[index_of(direction)]; }
  const Half& half(Direction direction) const { return halves_[index_of(direction)]; }
  Half& other(const Half& one) { return half(opposite(one.direction)); }
  bool dead() const;
  bool deaf(const Half& one) const { return one.blind || one.ended; }
  bool awaits_hello(const Half& one) const;
  bool waiting() const;
  bool waiting_for_keys() const;
  template <typename Add>
  void enqueue(WallTime time, Add add);
  Half* next_half(const std::array<bool, 2>& stuck);
  Outcome step(Half& half);
  void pump(WallTime now, bool keys_changed);
  void replay(WallTime now);
  void block(Half& half, Outcome outcome, WallTime time);
  bool expired(WallTime now) const;
  void expire();
  Outcome on_gap(Half& half, std::uint64_t size, WallTime time);
  void deliver_end(Half& half, StreamEnd how, WallTime time);
  void make_blind(Half& half, WallTime time);
  void miss_hello(Half& half);
  void lose(Half& half, WallTime time);
  void give_up(TlsState state, std::optional<Counter> counter, WallTime time);
  void count_once(Counter counter);

  // connection_records.cpp: records and handshake messages
  Outcome feed(Half& half, Bytes& bytes, WallTime time);
  Outcome feed_partial(Half& half, Bytes& bytes, WallTime time);
  bool synchronise(Half& half, Bytes bytes);
  bool may_be_old_hello(const Half& half) const;
  Outcome on_record(Half& half, const Record& record, WallTime time);
  Outcome on_plain(Half& half, const Record& record, WallTime time);
  Outcome on_protected(Half& half, const Record& record, WallTime time);
  void on_content(Half& half, const Opened& opened, WallTime time);
  void on_alert(Half& half, Bytes content, WallTime time);
  void on_handshake(Half& half, Bytes content, WallTime time);
  void on_message(Half& half, const HandshakeReader::Message& message, WallTime time);
  void on_old_hello(Half& half, const Record& record, WallTime time);
  void on_client_hello(std::optional<ClientHello> hello, WallTime time);
  void on_server_hello(Bytes body, WallTime time);
  // A record of content, its cipher there. `may_skip`: it need not be opened if its content is ignored;
  // `may_be_others`: one that does not open is no loss yet, the secret may be that of another connection with the same
  // random.
  struct Leniency {
    bool may_skip = true;
    bool may_be_others = true;
  };
  Outcome on_content_record(Half& half, const Record& record, Leniency leniency, WallTime time);
  bool skip(Half& half, const Record& record, WallTime time);
  void on_damaged(Half& half, const Record& record, WallTime time);
  void announce(WallTime time);
  void enter(Half& half, Epoch epoch);
  void begin_handshake();
  void miss(Half& half, WallTime time);
  void verified(Half& half);
  void drop_handshake();
  // The store's `rank`-th set for this connection becomes handshake_->secrets; kNothing: there is none.
  enum class Loaded : std::uint8_t { kNothing, kSame, kOther };
  Loaded load_secrets(std::size_t rank);
  bool load_other_secrets();
  const Secret& secret(SecretKind kind) const { return handshake_->secrets.of(kind); }
  std::optional<Opened> open(Half& half, const Record& record);

  // connection_12.cpp
  void on_change_cipher_spec(Half& half, WallTime time);
  Outcome on_record_12(Half& half, const Record& record, WallTime time);
  std::unique_ptr<RecordCipher> cipher_12(const Half& half);

  // connection_13.cpp
  Outcome on_record_13(Half& half, const Record& record, WallTime time);
  Outcome on_early(Half& half, const Record& record, WallTime time);
  Outcome on_handshake_epoch(Half& half, const Record& record, WallTime time);
  Outcome on_application(Half& half, const Record& record, WallTime time);
  Outcome on_mid_stream(Half& half, const Record& record, WallTime time);
  std::optional<Opened> try_application(Half& half, const Record& record, std::uint64_t sequence);
  bool early_data_rejected(bool& known) const;
  void on_key_update(Half& half, WallTime time);
  std::unique_ptr<RecordCipher> cipher_13(const Secret& secret);

  TlsContext& context_;
  TlsReader& reader_;
  const Flow flow_;
  bool mid_stream_;            // what it begins with was missed, its ClientHello at least
  bool missed_hello_ = false;  // but not the connection's beginning
  bool announced_ = false;
  bool client_damaged_ = false;  // a record of the client had a hole
  bool keys_expired_ = false;
  bool peer_expired_ = false;
  bool waited_ = false;  // for keys, at least once
  bool charged_ = false;
  TlsVersion version_ = TlsVersion::kNone;
  std::optional<TlsState> final_;  // given up
  std::uint64_t counted_ = 0;      // bit per Counter
  const Suite* suite_ = nullptr;
  std::optional<WallTime> waits_since_;
  std::unique_ptr<Handshake> handshake_;
  std::unique_ptr<WaitingQueue> queue_;
  std::array<Half, 2> halves_{Half(Direction::kToServer), Half(Direction::kToClient)};
};

}  // namespace tidegate::inspect
