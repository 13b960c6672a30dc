// SPDX-License-Identifier: Apache-2.0
// TLS 1.2 (RFC 5246) and older: keys change at ChangeCipherSpec.
#include "agent/inspect/tls/connection.hpp"

namespace tidegate::inspect {

void TlsConnection::on_change_cipher_spec(Half& one, WallTime time) {
  // TLS 1.3 sends it for old middleboxes only; a client may do so before it knows the version.
  if (version_ == TlsVersion::k13 || version_ == TlsVersion::kNone) return;
  if (!handshake_ || !handshake_->server) return give_up(TlsState::kFailed, Counter::kMalformedTls, time);
  enter(one, Epoch::kApplication);
}

std::unique_ptr<RecordCipher> TlsConnection::cipher_12(const Half& one) {
  const CipherParameters parameters{version_, suite_, handshake_->server->encrypt_then_mac};
  const KeyPair keys = keys_of_master(version_, *suite_, secret(SecretKind::kMaster).view(), handshake_->secrets.random,
                                      handshake_->server->random);
  return make_cipher(context_.ciphers, parameters, one.direction == Direction::kToServer ? keys.client : keys.server);
}

TlsConnection::Outcome TlsConnection::on_record_12(Half& one, const Record& record, WallTime time) {
  if (!one.cipher) {
    if (!handshake_ || !handshake_->server) {  // a handshake began anew before this half had taken part in the last
      give_up(TlsState::kFailed, Counter::kMalformedTls, time);
      return Outcome::kDone;
    }
    if (!secret(SecretKind::kMaster)) return Outcome::kNeedsKeys;
    one.cipher = cipher_12(one);
  }
  if (!one.cipher) {
    give_up(TlsState::kUnsupported, Counter::kUnsupportedCipher, time);
    return Outcome::kDone;
  }
  return on_content_record(one, record, {.may_skip = record.type == ContentType::kApplicationData}, time);
}

}  // namespace tidegate::inspect
