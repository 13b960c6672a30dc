// SPDX-License-Identifier: Apache-2.0
#define OPENSSL_SUPPRESS_DEPRECATED  // the plain hash contexts
#include "agent/inspect/tls/hmac.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace tidegate::inspect {
namespace {

constexpr std::size_t kLargestBlock = 128;

std::size_t block_size(HashKind kind) { return kind == HashKind::kSha384 ? 128 : 64; }

}  // namespace

Hash::Hash(HashKind kind) : kind_(kind) {
  switch (kind) {
    case HashKind::kMd5:
      MD5_Init(&md5_);
      break;
    case HashKind::kSha1:
      SHA1_Init(&sha1_);
      break;
    case HashKind::kSha256:
      SHA256_Init(&sha256_);
      break;
    case HashKind::kSha384:
      SHA384_Init(&sha512_);
      break;
  }
}

void Hash::update(Bytes bytes) {
  switch (kind_) {
    case HashKind::kMd5:
      MD5_Update(&md5_, bytes.data(), bytes.size());
      break;
    case HashKind::kSha1:
      SHA1_Update(&sha1_, bytes.data(), bytes.size());
      break;
    case HashKind::kSha256:
      SHA256_Update(&sha256_, bytes.data(), bytes.size());
      break;
    case HashKind::kSha384:
      SHA384_Update(&sha512_, bytes.data(), bytes.size());
      break;
  }
}

void Hash::finish(std::byte* out) {
  auto* const to = reinterpret_cast<unsigned char*>(out);
  switch (kind_) {
    case HashKind::kMd5:
      MD5_Final(to, &md5_);
      break;
    case HashKind::kSha1:
      SHA1_Final(to, &sha1_);
      break;
    case HashKind::kSha256:
      SHA256_Final(to, &sha256_);
      break;
    case HashKind::kSha384:
      SHA384_Final(to, &sha512_);
      break;
  }
}

Hmac::Hmac(HashKind kind, Bytes key) : inner_(kind), outer_(kind) {
  std::array<std::byte, kLargestBlock> pad{};
  const std::size_t block = block_size(kind);
  if (key.size() > block) {
    Hash hash(kind);
    hash.update(key);
    hash.finish(pad.data());
  } else if (!key.empty()) {
    std::memcpy(pad.data(), key.data(), key.size());
  }
  for (std::byte& byte : pad) byte ^= std::byte{0x36};
  inner_.update(Bytes(pad).first(block));
  for (std::byte& byte : pad) byte ^= std::byte{0x36 ^ 0x5c};
  outer_.update(Bytes(pad).first(block));
  OPENSSL_cleanse(pad.data(), pad.size());
}

Hmac::~Hmac() { OPENSSL_cleanse(this, sizeof(*this)); }

void Hmac::mac(std::initializer_list<Bytes> parts, std::byte* out) const {
  std::array<std::byte, kLongestHash> digest;
  Hash hash = inner_;
  for (const Bytes part : parts) hash.update(part);
  hash.finish(digest.data());
  hash = outer_;
  hash.update(Bytes(digest).first(size()));
  hash.finish(out);
  OPENSSL_cleanse(&hash, sizeof(hash));
}

}  // namespace tidegate::inspect
