// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/md5.h>
#include <openssl/sha.h>

#include <cstddef>
#include <initializer_list>
#include <span>

#include "agent/inspect/model/flow.hpp"
#include "agent/inspect/tls/suites.hpp"

namespace tidegate::inspect {

inline constexpr std::size_t kLongestHash = 48;

// One hash computation on the plain contexts of libcrypto: setting up EVP's costs more than hashing a short message.
class Hash {
 public:
  explicit Hash(HashKind kind);
  void update(Bytes bytes);
  // `out` has size_of(kind) bytes.
  void finish(std::byte* out);
  HashKind kind() const { return kind_; }

 private:
  union {
    MD5_CTX md5_;
    SHA_CTX sha1_;
    SHA256_CTX sha256_;
    SHA512_CTX sha512_;
  };
  HashKind kind_;
};

// HMAC (RFC 2104) with the key hashed once. Wiped when destroyed.
class Hmac {
 public:
  Hmac(HashKind kind, Bytes key);
  Hmac(const Hmac&) = default;
  Hmac& operator=(const Hmac&) = default;
  ~Hmac();

  // Over the parts in a row; `out` has size() bytes.
  void mac(std::initializer_list<Bytes> parts, std::byte* out) const;
  std::size_t size() const { return size_of(inner_.kind()); }

 private:
  Hash inner_;
  Hash outer_;
};

}  // namespace tidegate::inspect
