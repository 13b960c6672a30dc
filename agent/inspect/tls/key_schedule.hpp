// SPDX-License-Identifier: Apache-2.0
// From the secrets of a key log to the keys of records.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "agent/inspect/keys/key_store.hpp"
#include "agent/inspect/model/flow.hpp"
#include "agent/inspect/model/summary.hpp"
#include "agent/inspect/tls/suites.hpp"

namespace tidegate::inspect {

// The keys of one direction. Wiped when destroyed.
struct RecordKeys {
  std::array<std::byte, 48> mac{};  // CBC suites: size_of(mac hash) bytes
  std::array<std::byte, 32> key{};  // Suite::key_size() bytes
  std::array<std::byte, 16> iv{};   // Suite::fixed_iv() bytes; TLS 1.0 with CBC: 16

  RecordKeys() = default;
  RecordKeys(const RecordKeys&) = default;
  RecordKeys& operator=(const RecordKeys&) = default;
  ~RecordKeys();
};

// RFC 8446, 7.1: HKDF-Expand-Label without context, at most one hash long.
void expand_label(HashKind hash, Bytes secret, const char* label, std::span<std::byte> out);
// RFC 8446, 7.3.
RecordKeys keys_of_secret(const Suite& suite, Bytes secret);
// RFC 8446, 7.2: the secret after a KeyUpdate.
Secret next_secret(const Suite& suite, const Secret& secret);

// RFC 5246, 5 and RFC 2246, 5: the PRF of a version.
void pseudo_random(TlsVersion version, HashKind hash, Bytes secret, const char* label, Bytes seed,
                   std::span<std::byte> out);

struct KeyPair {
  RecordKeys client;
  RecordKeys server;
};
// RFC 5246, 6.3.
KeyPair keys_of_master(TlsVersion version, const Suite& suite, Bytes master, const ClientRandom& client,
                       const std::array<std::byte, 32>& server);

}  // namespace tidegate::inspect
