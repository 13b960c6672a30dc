// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/http/identity_hash.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <string>

namespace tidegate::inspect::http {
namespace {

using Digest = std::array<unsigned char, 32>;

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

EVP_MAC_CTX* new_context() {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  EVP_MAC_CTX* context = mac == nullptr ? nullptr : EVP_MAC_CTX_new(mac);
  EVP_MAC_free(mac);  // the context holds it
  return context;
}

bool set_key(EVP_MAC_CTX* context, const unsigned char* key, std::size_t size) {
  std::string digest = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), digest.size()),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_init(context, key, size, parameters) == 1;
}

bool digest_of(EVP_MAC_CTX* context, std::string_view value, Digest& digest) {
  std::size_t size = 0;
  return EVP_MAC_update(context, bytes(value), value.size()) == 1 &&
         EVP_MAC_final(context, digest.data(), &size, digest.size()) == 1 && size == digest.size();
}

}  // namespace

void IdentityHasher::Deleter::operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }

IdentityHasher::IdentityHasher(const HashKey& key, std::string_view service, std::string_view kind)
    : context_(new_context()) {
  const std::string label = std::string(kind) + '\0' + std::string(service);
  Digest derived{};
  const bool ready =
      context_ && set_key(context_.get(), reinterpret_cast<const unsigned char*>(key.data()), key.size()) &&
      digest_of(context_.get(), label, derived) && set_key(context_.get(), derived.data(), derived.size());
  OPENSSL_cleanse(derived.data(), derived.size());
  if (!ready) context_.reset();
}

std::optional<IdentityHash> IdentityHasher::operator()(std::string_view value) const {
  Digest digest{};
  // Without a key: once more with the one that the context has.
  if (!context_ || EVP_MAC_init(context_.get(), nullptr, 0, nullptr) != 1) return std::nullopt;
  if (!digest_of(context_.get(), value, digest)) return std::nullopt;
  IdentityHash hash{};
  std::ranges::transform(std::span(digest).first(hash.size()), hash.begin(),
                         [](unsigned char byte) { return std::byte{byte}; });
  return hash;
}

}  // namespace tidegate::inspect::http
