// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string_view>

#include "agent/inspect/model/settings.hpp"
#include "agent/inspect/model/summary.hpp"

namespace tidegate::inspect::http {

// HMAC-SHA-256 (RFC 2104) cut to 16 bytes, under a key that is derived for one kind of identity of one service, so that
// the same value gives unrelated hashes elsewhere. Used by one thread.
class IdentityHasher {
 public:
  // `kind`: "session" or "account".
  IdentityHasher(const HashKey& key, std::string_view service, std::string_view kind);

  // nullopt: the cryptographic library failed; there is no identity then, never a weaker one.
  std::optional<IdentityHash> operator()(std::string_view value) const;

 private:
  struct Deleter {
    void operator()(EVP_MAC_CTX* context) const;
  };
  std::unique_ptr<EVP_MAC_CTX, Deleter> context_;
};

}  // namespace tidegate::inspect::http
