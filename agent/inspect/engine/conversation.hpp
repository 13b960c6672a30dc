// SPDX-License-Identifier: Apache-2.0
// One connection: finds out what it speaks, and puts the layers together that read it.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "agent/inspect/engine/admission.hpp"
#include "agent/inspect/engine/deadlines.hpp"
#include "agent/inspect/engine/waiting.hpp"
#include "agent/inspect/http/http_stream.hpp"
#include "agent/inspect/model/counters.hpp"
#include "agent/inspect/model/memory.hpp"
#include "agent/inspect/model/stream.hpp"
#include "agent/inspect/tls/tls_stream.hpp"

namespace tidegate::inspect {

// What the connections of one engine share; outlives them.
struct Shared {
  const Admission& admission;
  TlsContext& tls;
  HttpContext& http;
  WaitingFlows& waiting;
  Deadlines& deadlines;
  MemoryBudget& budget;
  Counters& counters;
};

// What comes out of TLS goes to HTTP. Used by one thread.
class DecryptedReader final : public TlsReader {
 public:
  DecryptedReader(const Shared& shared, ConnectionFacts& facts, bool mid_stream)
      : shared_(shared), facts_(facts), mid_stream_(mid_stream) {}

  void established(TlsVersion version, const std::string& sni, const std::string& alpn,
                   const std::string& ja4) override;
  void data(Direction direction, Bytes bytes, WallTime time) override;
  void skipped(Direction direction, std::uint64_t size, WallTime time) override;
  void gap(Direction direction, std::uint64_t size, WallTime time) override;
  void end(Direction direction, StreamEnd how, WallTime time) override;
  std::uint64_t ignores(Direction direction) const override;

  // nullptr: nothing was said yet.
  HttpStream* http() const { return http_.get(); }

 private:
  const Shared& shared_;
  ConnectionFacts& facts_;
  bool mid_stream_;
  std::unique_ptr<HttpStream> http_;
};

// A connection of an inspected service. Memory for itself was taken from the budget by whoever makes it (kCost), and is
// given back by its end. Used by one thread.
class Conversation final : public StreamSink, public Waiter, public Deadline {
 public:
  // What a connection costs before anything of it is kept: this object, its layers, and their cipher contexts.
  static constexpr std::uint64_t kCost = 2048;

  Conversation(const Shared& shared, const Flow& flow, bool mid_stream);
  ~Conversation() override;

  void data(Direction direction, Bytes bytes, WallTime time) override;
  void skipped(Direction direction, std::uint64_t size, WallTime time) override;
  void gap(Direction direction, std::uint64_t size, WallTime time) override;
  void end(Direction direction, StreamEnd how, WallTime time) override;
  std::uint64_t ignores(Direction direction) const override;

  // Its end was reached, perhaps, but not read.
  bool waits_for_keys() const { return shared_.waiting.has(*this); }
  void keys_arrived(WallTime now) override;
  void time_passed(WallTime now) override;
  void deadline(WallTime now) override;
  void proven() override;
  void full(Direction direction, bool is_full, WallTime time) override;

 private:
  enum class Speaks : std::uint8_t { kUnknown, kTls, kClear, kNothingOfInterest };

  // False: these bytes are of no interest, do no more.
  bool looks_further(Direction direction, std::uint64_t size, WallTime time);
  bool decided(Direction direction, Bytes beginning, WallTime time);
  void take_client_beginning(Bytes bytes, WallTime time);
  void hand_up(Direction direction, Bytes bytes, WallTime time);
  void shed_server(WallTime time);
  void settle_tls();
  void watch(WallTime time);
  void tell_handshake(WallTime now);
  void give_up();
  void out_of_memory();
  void forget_beginning();
  StreamSink* layer();
  HttpStream* http() const { return tls_ ? reader_.http() : http_.get(); }

  const Shared& shared_;
  ConnectionFacts facts_;
  std::uint64_t generation_;
  Speaks speaks_ = Speaks::kUnknown;
  bool mid_stream_;
  bool at_client_beginning_;  // a PROXY header may come
  bool lossy_ = false;        // and the connection table has counted it
  bool server_shed_ = false;
  bool client_full_ = false;  // the client takes nothing
  bool ended_ = false;        // by a peer
  bool may_be_idle_ = true;   // whether it made requests is not settled; TLS
  WallTime began_{};
  std::vector<std::byte> client_beginning_;  // an incomplete PROXY header
  DecryptedReader reader_;
  std::unique_ptr<TlsStream> tls_;
  std::unique_ptr<HttpStream> http_;
};

}  // namespace tidegate::inspect
