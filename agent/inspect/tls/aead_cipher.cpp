// SPDX-License-Identifier: Apache-2.0
// AEAD suites: RFC 5288 (GCM), 6655 (CCM), 7905 (ChaCha20-Poly1305) and 8446, 5.2 (TLS 1.3).
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "agent/inspect/tls/record_cipher.hpp"

namespace tidegate::inspect {
namespace {

using Nonce = std::array<std::byte, 12>;
constexpr std::size_t kLongestAad = 13;
constexpr std::size_t kFixedNonce = 4;  // of every suite's nonce; the other eight bytes differ from record to record

unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
const unsigned char* raw(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }

constexpr std::uint64_t big_endian(std::uint64_t value) {
  return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
}

void put_64(std::uint64_t value, std::byte* out) {
  value = big_endian(value);
  std::memcpy(out, &value, sizeof value);
}

// RFC 8446, 5.4: what precedes the zeros is the type, and what precedes that the content.
std::optional<Peeked> strip_padding(Bytes inner) {
  std::size_t end = inner.size();
  while (end > 0 && inner[end - 1] == std::byte{0}) --end;
  if (end == 0) return std::nullopt;
  return Peeked{static_cast<ContentType>(inner[end - 1]), end - 1};
}

class AeadCipher final : public RecordCipher {
 public:
  AeadCipher(CipherContext& context, const Suite& suite, const RecordKeys& keys);
  ~AeadCipher() override {
    OPENSSL_cleanse(key_.data(), key_.size());
    OPENSSL_cleanse(iv_.data(), iv_.size());
  }

  std::optional<Opened> open(const Record& record, std::uint64_t sequence, std::span<std::byte> scratch) override;
  std::optional<Peeked> peek(const Record& record, std::uint64_t sequence) override;

 private:
  CipherStatePtr make_state() const;
  EVP_CIPHER_CTX* state();
  bool is_gcm() const { return suite_->bulk == BulkCipher::kAes128Gcm || suite_->bulk == BulkCipher::kAes256Gcm; }
  bool is_ccm() const { return suite_->bulk == BulkCipher::kAes128Ccm || suite_->bulk == BulkCipher::kAes256Ccm; }
  // Body without explicit nonce and tag; nullopt: too short.
  std::optional<Bytes> ciphertext(const Record& record) const;
  Nonce nonce(const Record& record, std::uint64_t sequence) const;
  std::size_t aad(const Record& record, std::uint64_t sequence, std::size_t size, std::byte* out) const;
  bool begin(EVP_CIPHER_CTX* state, const Nonce& nonce, const std::byte* tag) const;
  bool decrypt(const Nonce& nonce, Bytes aad, Bytes in, const std::byte* tag, std::byte* out);
  bool decrypt_ccm(const Nonce& nonce, Bytes aad, Bytes in, const std::byte* tag, std::byte* out);
  bool last_block(const Nonce& nonce, std::size_t block, Bytes in, std::span<std::byte, 64> out);

  CipherContext* context_;
  const Suite* suite_;
  CipherSlot slot_;
  Nonce iv_{};
  std::array<std::byte, 32> key_{};
};

AeadCipher::AeadCipher(CipherContext& context, const Suite& suite, const RecordKeys& keys)
    : context_(&context), suite_(&suite), slot_(context), key_(keys.key) {
  std::copy_n(keys.iv.begin(), iv_.size(), iv_.begin());
}

// CCM needs both sizes before its key. GCM gets the whole nonce once; its first four bytes then stay.
CipherStatePtr AeadCipher::make_state() const {
  CipherStatePtr made(EVP_CIPHER_CTX_new());
  const EVP_CIPHER* cipher = context_->of(suite_->bulk);
  EVP_CIPHER_CTX* state = made.get();
  if (state == nullptr) return nullptr;
  const bool good = is_ccm() ? EVP_DecryptInit_ex(state, cipher, nullptr, nullptr, nullptr) == 1 &&
                                   EVP_CIPHER_CTX_ctrl(state, EVP_CTRL_AEAD_SET_IVLEN, 12, nullptr) == 1 &&
                                   EVP_CIPHER_CTX_ctrl(state, EVP_CTRL_AEAD_SET_TAG, suite_->tag, nullptr) == 1 &&
                                   EVP_DecryptInit_ex(state, nullptr, nullptr, raw(key_.data()), nullptr) == 1
                             : EVP_DecryptInit_ex(state, cipher, nullptr, raw(key_.data()), nullptr) == 1 &&
                                   (!is_gcm() || EVP_CIPHER_CTX_ctrl(state, EVP_CTRL_GCM_SET_IV_FIXED, -1,
                                                                     const_cast<std::byte*>(iv_.data())) == 1);
  if (!good) return nullptr;
  return made;
}

// nullptr: libcrypto refuses.
EVP_CIPHER_CTX* AeadCipher::state() {
  EVP_CIPHER_CTX* there = slot_.get();
  return there != nullptr ? there : slot_.set(make_state());
}

std::optional<Bytes> AeadCipher::ciphertext(const Record& record) const {
  const Bytes body = record.body();
  const std::size_t extra = suite_->record_iv() + suite_->tag;
  if (body.size() < extra) return std::nullopt;
  return body.subspan(suite_->record_iv(), body.size() - extra);
}

Nonce AeadCipher::nonce(const Record& record, std::uint64_t sequence) const {
  Nonce nonce = iv_;
  if (suite_->record_iv() != 0) {
    std::memcpy(nonce.data() + suite_->fixed_iv(), record.body().data(), suite_->record_iv());
    return nonce;
  }
  std::uint64_t varying;
  std::memcpy(&varying, nonce.data() + kFixedNonce, sizeof varying);
  varying ^= big_endian(sequence);
  std::memcpy(nonce.data() + kFixedNonce, &varying, sizeof varying);
  return nonce;
}

std::size_t AeadCipher::aad(const Record& record, std::uint64_t sequence, std::size_t size, std::byte* out) const {
  if (suite_->tls13) {
    std::memcpy(out, record.bytes.data(), kRecordHeader);
    return kRecordHeader;
  }
  put_64(sequence, out);
  std::memcpy(out + 8, record.bytes.data(), 3);
  out[11] = static_cast<std::byte>(size >> 8);
  out[12] = static_cast<std::byte>(size);
  return kLongestAad;
}

// Sets nonce and tag. For GCM in one call, which takes libcrypto a quarter less time per small record than a new
// initialisation and a control: those look up the parameters of the whole cipher by name.
bool AeadCipher::begin(EVP_CIPHER_CTX* state, const Nonce& nonce, const std::byte* tag) const {
  const auto part = [](const char* name, const std::byte* bytes, std::size_t size) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<std::byte*>(bytes), size);
  };
  const std::array parameters{
      part(OSSL_CIPHER_PARAM_AEAD_TAG, tag, suite_->tag),
      is_gcm() ? part(OSSL_CIPHER_PARAM_AEAD_TLS1_SET_IV_INV, nonce.data() + kFixedNonce, nonce.size() - kFixedNonce)
               : OSSL_PARAM_construct_end(),
      OSSL_PARAM_construct_end()};
  return is_gcm() ? EVP_CIPHER_CTX_set_params(state, parameters.data()) == 1
                  : EVP_DecryptInit_ex2(state, nullptr, nullptr, raw(nonce.data()), parameters.data()) == 1;
}

bool AeadCipher::decrypt(const Nonce& nonce, Bytes aad, Bytes in, const std::byte* tag, std::byte* out) {
  EVP_CIPHER_CTX* state = this->state();
  int size = 0;
  return state != nullptr && begin(state, nonce, tag) &&
         EVP_DecryptUpdate(state, nullptr, &size, raw(aad.data()), static_cast<int>(aad.size())) == 1 &&
         (in.empty() || EVP_DecryptUpdate(state, raw(out), &size, raw(in.data()), static_cast<int>(in.size())) == 1) &&
         EVP_DecryptFinal_ex(state, raw(out), &size) == 1;
}

bool AeadCipher::decrypt_ccm(const Nonce& nonce, Bytes aad, Bytes in, const std::byte* tag, std::byte* out) {
  EVP_CIPHER_CTX* state = this->state();
  int size = 0;
  const int length = static_cast<int>(in.size());
  return state != nullptr &&
         EVP_CIPHER_CTX_ctrl(state, EVP_CTRL_AEAD_SET_TAG, suite_->tag, const_cast<std::byte*>(tag)) == 1 &&
         EVP_DecryptInit_ex(state, nullptr, nullptr, nullptr, raw(nonce.data())) == 1 &&
         EVP_DecryptUpdate(state, nullptr, &size, nullptr, length) == 1 &&
         EVP_DecryptUpdate(state, nullptr, &size, raw(aad.data()), static_cast<int>(aad.size())) == 1 &&
         EVP_DecryptUpdate(state, raw(out), &size, raw(in.data()), length) == 1;
}

std::optional<Opened> AeadCipher::open(const Record& record, std::uint64_t sequence, std::span<std::byte> scratch) {
  const auto in = ciphertext(record);
  if (!in || in->size() > scratch.size()) return std::nullopt;
  std::array<std::byte, kLongestAad> extra;
  const Bytes with = Bytes(extra).first(aad(record, sequence, in->size(), extra.data()));
  const std::byte* tag = in->data() + in->size();
  const Nonce number = nonce(record, sequence);
  const bool good =
      is_ccm() ? decrypt_ccm(number, with, *in, tag, scratch.data()) : decrypt(number, with, *in, tag, scratch.data());
  if (!good) return std::nullopt;
  const Bytes inner = scratch.first(in->size());
  if (!suite_->tls13) return Opened{record.type, inner};
  const auto content = strip_padding(inner);
  if (!content) return std::nullopt;
  return Opened{content->type, inner.first(content->size)};
}

// Decrypts block `block` (of 16 bytes, ChaCha20: of 64) without verifying anything.
bool AeadCipher::last_block(const Nonce& nonce, std::size_t block, Bytes in, std::span<std::byte, 64> out) {
  const Bytes key = Bytes(key_).first(suite_->key_size());
  if (suite_->bulk == BulkCipher::kChaCha20) {
    return context_->chacha(key, nonce, static_cast<std::uint32_t>(block + 1), in, out);
  }
  std::array<std::byte, 16> counter{};
  std::array<std::byte, 16> stream;
  // Counters begin behind the block that masks the tag: GCM's is 1, CCM's is 0.
  const std::size_t number = is_ccm() ? block + 1 : block + 2;
  std::ranges::copy(nonce, counter.begin() + (is_ccm() ? 1 : 0));
  if (is_ccm()) counter[0] = std::byte{2};  // RFC 3610: the counter has three bytes
  counter[13] = static_cast<std::byte>(number >> 16);
  counter[14] = static_cast<std::byte>(number >> 8);
  counter[15] = static_cast<std::byte>(number);
  if (!context_->aes_block(key, counter, stream)) return false;
  for (std::size_t i = 0; i < in.size(); ++i) out[i] = in[i] ^ stream[i];
  return true;
}

std::optional<Peeked> AeadCipher::peek(const Record& record, std::uint64_t sequence) {
  const auto in = ciphertext(record);
  if (!in) return std::nullopt;
  if (!suite_->tls13) return Peeked{record.type, in->size()};
  if (in->empty()) return std::nullopt;
  const std::size_t width = suite_->bulk == BulkCipher::kChaCha20 ? 64 : 16;
  const std::size_t block = (in->size() - 1) / width;
  const Bytes last = in->subspan(block * width);
  // What is needed: this block's bytes, not the tag behind them.
  if (record.damaged() && record.hole_end > block * width && record.hole_begin < in->size()) return std::nullopt;
  std::array<std::byte, 64> inner;
  if (!last_block(nonce(record, sequence), block, last, inner)) return std::nullopt;
  auto content = strip_padding(Bytes(inner).first(last.size()));
  if (content) content->size += block * width;
  return content;
}

}  // namespace

std::unique_ptr<RecordCipher> make_aead_cipher(CipherContext& context, const CipherParameters& parameters,
                                               const RecordKeys& keys) {
  if (context.of(parameters.suite->bulk) == nullptr) return nullptr;
  return std::make_unique<AeadCipher>(context, *parameters.suite, keys);
}

}  // namespace tidegate::inspect
