// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/tls/cipher_context.hpp"

#include <algorithm>

namespace tidegate::inspect {
namespace {

constexpr std::array<const char*, kBulkCiphers> kNames{"AES-128-GCM",       "AES-256-GCM", "AES-128-CCM", "AES-256-CCM",
                                                       "ChaCha20-Poly1305", "AES-128-CBC", "AES-256-CBC"};

CipherPtr fetch(const char* name) { return CipherPtr(EVP_CIPHER_fetch(nullptr, name, nullptr)); }
const unsigned char* raw(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

}  // namespace

void CipherSlot::link() {
  older_ = context_->newest_;
  newer_ = nullptr;
  (older_ == nullptr ? context_->oldest_ : older_->newer_) = this;
  context_->newest_ = this;
}

void CipherSlot::unlink() {
  (older_ == nullptr ? context_->oldest_ : older_->newer_) = newer_;
  (newer_ == nullptr ? context_->newest_ : newer_->older_) = older_;
}

EVP_CIPHER_CTX* CipherSlot::get() {
  if (state_ && context_->newest_ != this) {
    unlink();
    link();
  }
  return state_.get();
}

EVP_CIPHER_CTX* CipherSlot::set(CipherStatePtr state) {
  drop();
  if (!state) return nullptr;
  if (context_->states_ == CipherContext::kMostStates) context_->oldest_->drop();
  state_ = std::move(state);
  link();
  ++context_->states_;
  return state_.get();
}

void CipherSlot::drop() {
  if (!state_) return;
  unlink();
  --context_->states_;
  state_.reset();
}

CipherContext::CipherContext()
    : ecb128_(fetch("AES-128-ECB")),
      ecb256_(fetch("AES-256-ECB")),
      chacha_(fetch("ChaCha20")),
      state_(EVP_CIPHER_CTX_new()) {
  std::ranges::transform(kNames, bulk_.begin(), fetch);
}

// libcrypto wipes what it frees of a cipher's state.
void CipherContext::forget_key() {
  if (keyed()) EVP_CIPHER_CTX_reset(state_.get());
}

bool CipherContext::one_block(const EVP_CIPHER* cipher, bool encrypt, Bytes key, Bytes block,
                              std::span<std::byte, 16> out) {
  int size = 0;
  return EVP_CipherInit_ex(state_.get(), cipher, nullptr, raw(key), nullptr, encrypt ? 1 : 0) == 1 &&
         EVP_CIPHER_CTX_set_padding(state_.get(), 0) == 1 &&
         EVP_CipherUpdate(state_.get(), reinterpret_cast<unsigned char*>(out.data()), &size, raw(block), 16) == 1 &&
         size == 16;
}

bool CipherContext::aes_block(Bytes key, std::span<const std::byte, 16> block, std::span<std::byte, 16> out) {
  return one_block(key.size() == 16 ? ecb128_.get() : ecb256_.get(), true, key, block, out);
}

bool CipherContext::aes_unblock(Bytes key, std::span<const std::byte, 16> block, std::span<std::byte, 16> out) {
  return one_block(key.size() == 16 ? ecb128_.get() : ecb256_.get(), false, key, block, out);
}

bool CipherContext::chacha(Bytes key, std::span<const std::byte, 12> nonce, std::uint32_t block, Bytes bytes,
                           std::span<std::byte> out) {
  std::array<std::byte, 16> iv;
  for (std::size_t i = 0; i < 4; ++i) iv[i] = static_cast<std::byte>(block >> (8 * i));
  std::ranges::copy(nonce, iv.begin() + 4);
  int size = 0;
  return EVP_CipherInit_ex(state_.get(), chacha_.get(), nullptr, raw(key), raw(iv), 0) == 1 &&
         EVP_CipherUpdate(state_.get(), reinterpret_cast<unsigned char*>(out.data()), &size, raw(bytes),
                          static_cast<int>(bytes.size())) == 1;
}

}  // namespace tidegate::inspect
