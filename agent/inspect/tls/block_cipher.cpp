// SPDX-License-Identifier: Apache-2.0
// AES-CBC suites: RFC 5246, 6.2.3.2 and 2246, 6.2.3.2 (MAC, then encrypt), RFC 7366 (encrypt, then MAC).
// Only an observer's needs: no care is taken against timing, because nobody measures it.
#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

#include "agent/inspect/tls/hmac.hpp"
#include "agent/inspect/tls/record_cipher.hpp"

namespace tidegate::inspect {
namespace {

constexpr std::size_t kBlock = 16;

unsigned char* octets(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
const unsigned char* octets(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }

class CbcCipher final : public RecordCipher {
 public:
  CbcCipher(CipherContext& context, const CipherParameters& parameters, const RecordKeys& keys);
  ~CbcCipher() override { OPENSSL_cleanse(key_.data(), key_.size()); }

  std::optional<Opened> open(const Record& record, std::uint64_t sequence, std::span<std::byte> scratch) override;
  std::optional<Peeked> peek(const Record& record, std::uint64_t sequence) override;

 private:
  struct Parts {
    Bytes iv;
    Bytes blocks;
    Bytes mac;  // of encrypt-then-MAC
  };
  bool chained() const { return parameters_.version == TlsVersion::k10; }  // the IV is the last block before
  std::optional<Parts> parts(const Record& record) const;
  CipherStatePtr make_state() const;
  bool decrypt(Bytes iv, Bytes blocks, std::byte* out);
  bool verify(const Record& record, std::uint64_t sequence, Bytes over, Bytes mac) const;

  CipherContext* context_;
  CipherParameters parameters_;
  CipherSlot slot_;
  Hmac hmac_;
  std::array<std::byte, 32> key_{};
  std::array<std::byte, kBlock> chain_{};
};

CbcCipher::CbcCipher(CipherContext& context, const CipherParameters& parameters, const RecordKeys& keys)
    : context_(&context),
      parameters_(parameters),
      slot_(context),
      hmac_(parameters.suite->mac, Bytes(keys.mac).first(size_of(parameters.suite->mac))),
      key_(keys.key),
      chain_(keys.iv) {}

CipherStatePtr CbcCipher::make_state() const {
  CipherStatePtr made(EVP_CIPHER_CTX_new());
  const EVP_CIPHER* cipher = context_->of(parameters_.suite->bulk);
  const bool good = made && EVP_DecryptInit_ex(made.get(), cipher, nullptr, octets(key_.data()), nullptr) == 1 &&
                    EVP_CIPHER_CTX_set_padding(made.get(), 0) == 1;
  if (!good) return nullptr;
  return made;
}

std::optional<CbcCipher::Parts> CbcCipher::parts(const Record& record) const {
  const Bytes body = record.body();
  const std::size_t iv = chained() ? 0 : kBlock;
  const std::size_t mac = parameters_.encrypt_then_mac ? hmac_.size() : 0;
  if (body.size() < iv + kBlock + mac) return std::nullopt;
  const Bytes blocks = body.subspan(iv, body.size() - iv - mac);
  if (blocks.size() % kBlock != 0) return std::nullopt;
  return Parts{chained() ? Bytes(chain_) : body.first(iv), blocks, body.last(mac)};
}

bool CbcCipher::decrypt(Bytes iv, Bytes blocks, std::byte* out) {
  int size = 0;
  EVP_CIPHER_CTX* state = slot_.get();
  if (state == nullptr) state = slot_.set(make_state());
  return state != nullptr && EVP_DecryptInit_ex(state, nullptr, nullptr, nullptr, octets(iv.data())) == 1 &&
         EVP_DecryptUpdate(state, octets(out), &size, octets(blocks.data()), static_cast<int>(blocks.size())) == 1;
}

bool CbcCipher::verify(const Record& record, std::uint64_t sequence, Bytes over, Bytes mac) const {
  std::array<std::byte, 13> header;
  for (std::size_t i = 0; i < 8; ++i) header[i] = static_cast<std::byte>(sequence >> (56 - 8 * i));
  std::memcpy(header.data() + 8, record.bytes.data(), 3);
  header[11] = static_cast<std::byte>(over.size() >> 8);
  header[12] = static_cast<std::byte>(over.size());
  std::array<std::byte, kLongestHash> expected;
  hmac_.mac({Bytes(header), over}, expected.data());
  return std::ranges::equal(Bytes(expected).first(hmac_.size()), mac);
}

std::optional<Opened> CbcCipher::open(const Record& record, std::uint64_t sequence, std::span<std::byte> scratch) {
  const auto found = parts(record);
  if (!found || found->blocks.size() > scratch.size()) return std::nullopt;
  const bool mac_outside = parameters_.encrypt_then_mac;
  const Bytes sealed = record.body().first(record.body().size() - found->mac.size());
  if (mac_outside && !verify(record, sequence, sealed, found->mac)) return std::nullopt;
  if (!decrypt(found->iv, found->blocks, scratch.data())) return std::nullopt;
  const Bytes inner = scratch.first(found->blocks.size());
  const std::size_t padding = std::to_integer<std::size_t>(inner.back()) + 1;
  const std::size_t mac = mac_outside ? 0 : hmac_.size();
  if (padding + mac > inner.size()) return std::nullopt;
  const Bytes content = inner.first(inner.size() - padding - mac);
  if (!mac_outside && !verify(record, sequence, content, inner.subspan(content.size(), mac))) return std::nullopt;
  if (chained()) std::ranges::copy(found->blocks.last(kBlock), chain_.begin());
  return Opened{record.type, content};
}

std::optional<Peeked> CbcCipher::peek(const Record& record, std::uint64_t) {
  const auto found = parts(record);
  if (!found || chained()) return std::nullopt;
  // Of the body: IV and blocks. The last two blocks tell the padding, and so the content's size.
  const Bytes sealed = record.body().first(found->iv.size() + found->blocks.size());
  if (record.damaged() && record.hole_end > sealed.size() - 2 * kBlock && record.hole_begin < sealed.size()) {
    return std::nullopt;
  }
  std::array<std::byte, kBlock> last;
  const Bytes key = Bytes(key_).first(parameters_.suite->key_size());
  if (!context_->aes_unblock(key, std::span<const std::byte, kBlock>(sealed.last(kBlock)), last)) return std::nullopt;
  const std::byte before = sealed[sealed.size() - kBlock - 1];
  const std::size_t padding = std::to_integer<std::size_t>(last.back() ^ before) + 1;
  const std::size_t mac = parameters_.encrypt_then_mac ? 0 : hmac_.size();
  if (padding + mac > found->blocks.size()) return std::nullopt;
  return Peeked{record.type, found->blocks.size() - padding - mac};
}

}  // namespace

std::unique_ptr<RecordCipher> make_cbc_cipher(CipherContext& context, const CipherParameters& parameters,
                                              const RecordKeys& keys) {
  if (context.of(parameters.suite->bulk) == nullptr) return nullptr;
  return std::make_unique<CbcCipher>(context, parameters, keys);
}

std::unique_ptr<RecordCipher> make_cipher(CipherContext& context, const CipherParameters& parameters,
                                          const RecordKeys& keys) {
  return parameters.suite->is_cbc() ? make_cbc_cipher(context, parameters, keys)
                                    : make_aead_cipher(context, parameters, keys);
}

}  // namespace tidegate::inspect
