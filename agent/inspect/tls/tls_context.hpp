// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/crypto.h>

#include <array>
#include <memory>
#include <span>

#include "agent/inspect/tls/cipher_context.hpp"
#include "agent/inspect/tls/record.hpp"
#include "agent/inspect/tls/tls_stream.hpp"

namespace tidegate::inspect {

// Room for the plaintext of one record. Wiped when destroyed.
struct Scratch {
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { OPENSSL_cleanse(bytes.data(), bytes.size()); }

  std::array<std::byte, kLargestBody12> bytes{};
};

class TlsContext {
 public:
  TlsContext(const TlsLimits& its_limits, KeyStore& its_keys, MemoryBudget& its_budget, Counters& its_counters)
      : limits(its_limits),
        keys(its_keys),
        budget(its_budget),
        waiting(its_budget.limit() / 4, its_budget),
        counters(its_counters),
        buffers(budget) {}

  std::span<std::byte> scratch() { return scratch_->bytes; }

  const TlsLimits limits;
  KeyStore& keys;
  MemoryBudget& budget;
  MemoryBudget waiting;  // for what waits for keys, of all connections together
  Counters& counters;
  CipherContext ciphers;
  BufferPool buffers;

 private:
  // Plaintext is read here during one call of the reader, and stays until the next one takes its place.
  std::unique_ptr<Scratch> scratch_ = std::make_unique<Scratch>();
};

}  // namespace tidegate::inspect
