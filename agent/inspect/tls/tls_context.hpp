// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>

#include "agent/inspect/tls/cipher_context.hpp"
#include "agent/inspect/tls/record.hpp"
#include "agent/inspect/tls/tls_stream.hpp"

namespace tidegate::inspect {

class TlsContext {
 public:
  TlsContext(const TlsLimits& its_limits, KeyStore& its_keys, MemoryBudget& its_budget, Counters& its_counters)
      : limits(its_limits),
        keys(its_keys),
        budget(its_budget),
        waiting(its_budget.limit() / 4, its_budget),
        counters(its_counters),
        buffers(budget) {}

  std::span<std::byte> scratch() { return {scratch_.get(), kLargestBody12}; }

  const TlsLimits limits;
  KeyStore& keys;
  MemoryBudget& budget;
  MemoryBudget waiting;  // for what waits for keys, of all connections together
  Counters& counters;
  CipherContext ciphers;
  BufferPool buffers;

 private:
  // Plaintext lives here during one call of the reader.
  std::unique_ptr<std::byte[]> scratch_ = std::make_unique<std::byte[]>(kLargestBody12);
};

}  // namespace tidegate::inspect
