// SPDX-License-Identifier: Apache-2.0
// TLS session secrets as servers share them: NSS key log format (draft-ietf-tls-keylogfile, RFC 9850), bounded, in
// locked memory, wiped when they leave.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/base/clock.hpp"
#include "agent/inspect/model/counters.hpp"
#include "agent/inspect/model/flow.hpp"

namespace tidegate::inspect {

using ClientRandom = std::array<std::byte, 32>;

enum class SecretKind : std::uint8_t {
  kMaster,  // CLIENT_RANDOM: TLS 1.2 and older, 48 bytes
  kClientEarly,
  kClientHandshake,
  kServerHandshake,
  kClientTraffic,
  kServerTraffic,
};
inline constexpr std::size_t kSecretKinds = 6;

// One secret, at most 48 bytes. Wiped when destroyed.
struct Secret {
  std::array<std::byte, 48> bytes{};
  std::uint8_t size = 0;  // 0: not there

  Secret() = default;
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret();
  explicit operator bool() const { return size != 0; }
  Bytes view() const { return {bytes.data(), size}; }
};

// What is known of one connection.
struct SessionSecrets {
  ClientRandom random{};
  std::array<Secret, kSecretKinds> secrets;
  std::uint16_t cipher = 0;  // from an extended line; 0: not said

  const Secret& of(SecretKind kind) const { return secrets[static_cast<std::size_t>(kind)]; }
};

// Thread-safe: key readers write, workers look up. A bounded number of sessions; a new one takes the place of the
// oldest, used ones first (kKeysEvicted).
class KeyStore {
 public:
  struct Limits {
    std::size_t sessions = 16'384;
    // Forgotten after this long; 0: never (offline). Longer than servers wait for the first request of a connection
    // that was opened in advance (nginx: 60 s): its last secret is asked for only then.
    std::chrono::seconds unused{120};
    std::chrono::seconds used{10};  // after forget(): a connection may be captured twice (a proxy in between)
    bool lock = true;               // false: memory grows with what is kept, up to `sessions` (offline: ≤ 1,000,000)
  };
  // Locks its memory (about 350 bytes a session); locked() says whether that was allowed.
  explicit KeyStore(const Limits& limits, const Clock& clock);
  ~KeyStore();

  // One line without its end: "LABEL <client random, hex> <secret, hex>", optionally followed by what
  // libtidegate-keylog adds (docs/key-sharing.md: " tcp CLIENT:PORT SERVER:PORT 0xCIPHER"). Comments, blank lines and
  // labels of no use here are accepted and dropped. False: malformed. Lines may come in any order, twice, and
  // incomplete.
  // "#dropped N": what its sender could not send (kKeySourceDropped). Texts are cut into lines by key_text.hpp.
  bool add_line(std::string_view line, Counters& counters);

  // Clients choose their randoms, and may use one twice; what is kept of one random. Beyond, the oldest goes, used ones
  // first.
  static constexpr std::size_t kMostAlike = 8;

  // The newest of this random.
  std::optional<SessionSecrets> find(const ClientRandom& random) const;
  // The set that is the `rank`-th (from 0) to try for a connection: first the one whose lines name its endpoints, then
  // those that name none, then others; each newest first.
  std::optional<SessionSecrets> find(const ClientRandom& random, const Flow& flow, std::size_t rank) const;
  // By the endpoints of an extended line, for connections whose ClientHello was missed.
  std::optional<SessionSecrets> find(const Flow& flow) const;
  // The reader of these has what it needs: wiped soon (Limits::used), and first when room is needed.
  void forget(const SessionSecrets& read);
  // Wipes what is too old, a bounded number; call it every second or so. add_line() does so too.
  void expire();

  // What was added since `cursor`, which moves on; nullopt: too much, ask for every one that is waited for.
  // Cheap when nothing was.
  struct Arrival {
    ClientRandom random;
    std::optional<Flow> flow;
  };
  std::optional<std::vector<Arrival>> arrived(std::uint64_t& cursor) const;

  std::size_t size() const;
  bool locked() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidegate::inspect
