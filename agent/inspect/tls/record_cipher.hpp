// SPDX-License-Identifier: Apache-2.0
// The protection of one direction's records, seen from the side that opens them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "agent/inspect/model/summary.hpp"
#include "agent/inspect/tls/cipher_context.hpp"
#include "agent/inspect/tls/key_schedule.hpp"
#include "agent/inspect/tls/record.hpp"
#include "agent/inspect/tls/suites.hpp"

namespace tidegate::inspect {

struct Opened {
  ContentType type = ContentType::kApplicationData;
  Bytes content;  // in the scratch buffer
};

struct Peeked {
  ContentType type = ContentType::kApplicationData;
  std::size_t size = 0;  // of the content
};

// Holds the keys; wiped when destroyed. Used by one thread.
class RecordCipher {
 public:
  virtual ~RecordCipher() = default;

  // nullopt: it does not verify. `scratch` has kLargestBody12 bytes.
  virtual std::optional<Opened> open(const Record& record, std::uint64_t sequence, std::span<std::byte> scratch) = 0;
  // What is inside, from the record's last block or blocks and without verifying; nullopt: that cannot be told so.
  virtual std::optional<Peeked> peek(const Record& record, std::uint64_t sequence) = 0;
};

struct CipherParameters {
  TlsVersion version = TlsVersion::k13;
  const Suite* suite = nullptr;
  bool encrypt_then_mac = false;  // RFC 7366, CBC only
};

// nullptr: libcrypto refuses. `context` outlives the cipher.
std::unique_ptr<RecordCipher> make_aead_cipher(CipherContext& context, const CipherParameters& parameters,
                                               const RecordKeys& keys);
std::unique_ptr<RecordCipher> make_cbc_cipher(CipherContext& context, const CipherParameters& parameters,
                                              const RecordKeys& keys);
std::unique_ptr<RecordCipher> make_cipher(CipherContext& context, const CipherParameters& parameters,
                                          const RecordKeys& keys);

}  // namespace tidegate::inspect
