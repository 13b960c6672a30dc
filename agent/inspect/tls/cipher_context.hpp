// SPDX-License-Identifier: Apache-2.0
// libcrypto's objects that are fetched once and shared by the connections of a worker.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <span>

#include "agent/inspect/model/flow.hpp"
#include "agent/inspect/tls/suites.hpp"

namespace tidegate::inspect {

struct CipherDeleter {
  void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherPtr = std::unique_ptr<EVP_CIPHER, CipherDeleter>;
using CipherStatePtr = std::unique_ptr<EVP_CIPHER_CTX, CipherDeleter>;

class CipherContext;

// libcrypto's state of one cipher, larger than all the rest of a connection: only those used last have one.
class CipherSlot {
 public:
  explicit CipherSlot(CipherContext& context) : context_(&context) {}
  ~CipherSlot() { drop(); }
  CipherSlot(const CipherSlot&) = delete;
  CipherSlot& operator=(const CipherSlot&) = delete;

  // nullptr: there is none, or none any more; set() one. Valid until another slot is used.
  EVP_CIPHER_CTX* get();
  EVP_CIPHER_CTX* set(CipherStatePtr state);
  void drop();

 private:
  friend CipherContext;
  void unlink();
  void link();

  CipherContext* context_;
  CipherStatePtr state_;
  CipherSlot* newer_ = nullptr;
  CipherSlot* older_ = nullptr;
};

// Used by one thread.
class CipherContext {
 public:
  static constexpr std::size_t kMostStates = 4096;

  CipherContext();

  // nullptr: this libcrypto does not have it.
  const EVP_CIPHER* of(BulkCipher bulk) const { return bulk_[static_cast<std::size_t>(bulk)].get(); }

  // Key stream of AES in counter mode: one block encrypted. False: libcrypto refuses.
  bool aes_block(Bytes key, std::span<const std::byte, 16> block, std::span<std::byte, 16> out);
  // The last CBC block decrypted, before it is chained.
  bool aes_unblock(Bytes key, std::span<const std::byte, 16> block, std::span<std::byte, 16> out);
  // `bytes` XORed with ChaCha20's key stream from a block of 64 bytes on.
  bool chacha(Bytes key, std::span<const std::byte, 12> nonce, std::uint32_t block, Bytes bytes,
              std::span<std::byte> out);

  std::size_t states() const { return states_; }

  // Wipes the key that was used last for single blocks; the next one costs an allocation in libcrypto.
  void forget_key();
  // Whether such a key is still there.
  bool keyed() const { return EVP_CIPHER_CTX_get0_cipher(state_.get()) != nullptr; }

 private:
  friend CipherSlot;
  bool one_block(const EVP_CIPHER* cipher, bool encrypt, Bytes key, Bytes block, std::span<std::byte, 16> out);

  std::array<CipherPtr, kBulkCiphers> bulk_;
  CipherPtr ecb128_;
  CipherPtr ecb256_;
  CipherPtr chacha_;
  CipherStatePtr state_;  // for single blocks: keyed anew each time
  CipherSlot* newest_ = nullptr;
  CipherSlot* oldest_ = nullptr;
  std::size_t states_ = 0;
};

}  // namespace tidegate::inspect
