// SPDX-License-Identifier: Apache-2.0
// One TLS connection, read passively: records in, application data out.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "agent/inspect/keys/key_store.hpp"
#include "agent/inspect/model/counters.hpp"
#include "agent/inspect/model/memory.hpp"
#include "agent/inspect/model/stream.hpp"
#include "agent/inspect/model/summary.hpp"

namespace tidegate::inspect {

struct TlsLimits {
  std::size_t waiting_bytes = 512 << 10;  // ciphertext kept per connection until its keys come
  std::chrono::seconds key_wait{5};       // from the first record that needs a key, by the time of packets and ticks
};

// Shared by the connections of one worker: cipher contexts that are reused, key store, bounds, counters.
class TlsContext;
struct TlsContextDeleter {
  void operator()(TlsContext* context) const;
};
using TlsContextPtr = std::unique_ptr<TlsContext, TlsContextDeleter>;
TlsContextPtr make_tls_context(const TlsLimits& limits, KeyStore& keys, MemoryBudget& budget, Counters& counters);

enum class TlsState : std::uint8_t {
  kHandshake,  // nothing to decrypt yet
  kWaiting,    // for keys, or for the ServerHello that tells how early data is protected
  kDecrypting,
  kNoKey,        // given up: the rest of the connection is not looked at
  kUnsupported,  // version or cipher suite
  kFailed,       // lost synchronisation, or malformed
};

// Where the plaintext goes and what is learnt of the connection. Used by one thread.
class TlsReader : public StreamSink {
 public:
  // Before the first data() of either direction: version, SNI, ALPN, JA4 are known as far as they ever will be.
  virtual void established(TlsVersion version, const std::string& sni, const std::string& alpn,
                           const std::string& ja4) = 0;
};

// The ciphertext of both directions comes in through StreamSink. Decrypts only what `reader` does not ignore, as far as
// the cipher allows it. `reader` gets data(), skipped(), gap() and end() only after established(); when the connection
// is given up after that, both directions get gap(0) and end(kEvicted). A direction that can be followed no more (bytes
// lost beyond a record, no keys) gets gap(0) alone; the other one goes on.
// Counted here, each at most once per connection: kDecrypted, kNoKey (also when only one direction's key is missing, or
// a client whose ClientHello was lost could not be taken up again),
// kUnsupportedCipher, kKeysLate, kKeyWaitOverflow, kMalformedTls, kEvictedMemory (no room for a record); and
// kDecryptFailed, kSkippedBytes. Not counted here: kMidStream, kLossy, which whoever hands the bytes over knows.
// end(kEvicted) also ends a wait for keys.
class TlsStream : public StreamSink {
 public:
  // Whom to look up when keys arrive: by ClientHello.random, or by the endpoints when that was missed.
  virtual std::optional<ClientRandom> waits_for() const = 0;
  virtual void keys_arrived(WallTime now) = 0;
  // Gives up waiting after TlsLimits::key_wait. Cheap.
  virtual void tick(WallTime now) = 0;
  virtual TlsState state() const = 0;
  // Whether ClientHello and ServerHello were seen, and what the client sent since could be read to the last record.
  // `facts` gets what they say, unless established() did.
  virtual bool shook_hands(ConnectionFacts& facts) const = 0;
};

std::unique_ptr<TlsStream> make_tls_stream(TlsContext& context, const Flow& flow, bool mid_stream, TlsReader& reader);

// Whether a connection that begins with these bytes (at least one, from either side) speaks TLS.
bool looks_like_tls(Bytes beginning);
// As above, of the first bytes that a client says: they may be a ClientHello in the format of SSL 2.0, too.
bool client_looks_like_tls(Bytes from_client);

}  // namespace tidegate::inspect
