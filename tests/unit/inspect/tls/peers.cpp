// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/inspect/tls/peers.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace tidegate::inspect::test {
namespace {

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(std::string(what) + ": " + ERR_error_string(ERR_get_error(), nullptr));
}

struct Identity {
  EVP_PKEY* key;
  X509* certificate;
};

// Self-signed; made once.
Identity make_identity(EVP_PKEY* key) {
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_set_version(certificate, X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test.example"), -1, -1,
                             0);
  X509_set_issuer_name(certificate, name);
  require(X509_sign(certificate, key, EVP_sha256()) > 0, "signing");
  return {key, certificate};
}

const Identity& rsa_identity() {
  static const Identity identity = make_identity(EVP_RSA_gen(2048));
  return identity;
}
const Identity& ec_identity() {
  static const Identity identity = make_identity(EVP_EC_gen("P-256"));
  return identity;
}

int choose_alpn(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                unsigned offered_size, void*) {
  static const unsigned char wanted[] = "\x08http/1.1";
  const int found =
      SSL_select_next_proto(const_cast<unsigned char**>(out), size, wanted, sizeof(wanted) - 1, offered, offered_size);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

void log_key(const SSL* ssl, const char* line) {
  static_cast<Transcript*>(SSL_get_ex_data(ssl, 0))->keys.emplace_back(line);
}

void configure(SSL_CTX* context, const PeerSetup& setup) {
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_min_proto_version(context, setup.version);
  SSL_CTX_set_max_proto_version(context, setup.version);
  const bool tls13 = setup.version == TLS1_3_VERSION;
  if (setup.suites.empty()) {
    if (!tls13) require(SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0") == 1, "cipher list");
  } else if (tls13) {
    require(SSL_CTX_set_ciphersuites(context, setup.suites.c_str()) == 1, "ciphersuites");
  } else {
    require(SSL_CTX_set_cipher_list(context, (setup.suites + ":@SECLEVEL=0").c_str()) == 1, "cipher list");
  }
}

}  // namespace

Peers::Peers(const PeerSetup& setup)
    : client_context_(SSL_CTX_new(TLS_client_method())), server_context_(SSL_CTX_new(TLS_server_method())) {
  SSL_CTX* client = client_context_.get();
  SSL_CTX* server = server_context_.get();
  configure(client, setup);
  configure(server, setup);
  for (const Identity* identity : {&rsa_identity(), &ec_identity()}) {
    require(SSL_CTX_use_certificate(server, identity->certificate) == 1, "certificate");
    require(SSL_CTX_use_PrivateKey(server, identity->key) == 1, "key");
  }
  SSL_CTX_set_dh_auto(server, 1);
  SSL_CTX_set_keylog_callback(server, log_key);
  SSL_CTX_set_session_id_context(server, reinterpret_cast<const unsigned char*>("t"), 1);
  SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  if (setup.alpn) {
    SSL_CTX_set_alpn_select_cb(server, choose_alpn, nullptr);
    SSL_CTX_set_alpn_protos(client, reinterpret_cast<const unsigned char*>("\x08http/1.1"), 9);
  }
  if (setup.configure) setup.configure(client, server);
}

Peers::~Peers() = default;

void Peers::connect(bool resume) {
  if (client_) session_.reset(SSL_get1_session(client_.get()));
  transcript_ = Transcript();
  early_accepted_ = false;
  const auto make = [this](SSL_CTX* context) {
    std::unique_ptr<SSL, SslDeleter> ssl(SSL_new(context));
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_ex_data(ssl.get(), 0, &transcript_);
    return ssl;
  };
  client_ = make(client_context_.get());
  server_ = make(server_context_.get());
  SSL_set_connect_state(client_.get());
  SSL_set_accept_state(server_.get());
  SSL_set_tlsext_host_name(client_.get(), "test.example");
  if (resume) require(SSL_set_session(client_.get(), session_.get()) == 1, "session");
}

void Peers::move(SSL* from, SSL* to, Direction direction) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(SSL_get_wbio(from), &data);
  if (size <= 0) return;
  std::string bytes(data, static_cast<std::size_t>(size));
  if (const auto alter = std::exchange(alter_next, nullptr)) alter(bytes);
  BIO_write(SSL_get_rbio(to), bytes.data(), static_cast<int>(bytes.size()));
  transcript_.pieces.push_back({direction, std::move(bytes)});
  (void)BIO_reset(SSL_get_wbio(from));
}

void Peers::move_all() {
  move(client_.get(), server_.get(), Direction::kToServer);
  move(server_.get(), client_.get(), Direction::kToClient);
}

void Peers::read_all(SSL* ssl, Direction direction) {
  std::array<char, 32 << 10> buffer;
  std::size_t size = 0;
  while (SSL_read_ex(ssl, buffer.data(), buffer.size(), &size) == 1) {
    transcript_.said[index_of(direction)].append(buffer.data(), size);
  }
  ERR_clear_error();
}

bool Peers::handshake(const std::string& early_data) {
  std::size_t size = 0;
  std::array<char, 4096> buffer;
  bool early = !early_data.empty();
  if (early) {
    require(SSL_write_early_data(client_.get(), early_data.data(), early_data.size(), &size) == 1, "early data");
    move_all();
  }
  for (int i = 0; i < 20; ++i) {
    while (early) {
      const int state = SSL_read_early_data(server_.get(), buffer.data(), buffer.size(), &size);
      if (state != SSL_READ_EARLY_DATA_ERROR) transcript_.said[0].append(buffer.data(), size);
      early = state == SSL_READ_EARLY_DATA_SUCCESS;
      if (state == SSL_READ_EARLY_DATA_ERROR) break;
    }
    SSL_do_handshake(client_.get());
    move_all();
    SSL_do_handshake(server_.get());
    move_all();
    if (SSL_is_init_finished(client_.get()) == 1 && SSL_is_init_finished(server_.get()) == 1) break;
  }
  early_accepted_ = SSL_get_early_data_status(server_.get()) == SSL_EARLY_DATA_ACCEPTED;
  ERR_clear_error();
  if (SSL_is_init_finished(client_.get()) != 1) return false;
  read_all(client_.get(), Direction::kToClient);  // session tickets
  move_all();
  return true;
}

void Peers::say(Direction from, const std::string& text) {
  std::size_t size = 0;
  require(SSL_write_ex(end_of(from), text.data(), text.size(), &size) == 1, "write");
  move_all();
  read_all(end_of(opposite(from)), from);
  move_all();
}

void Peers::close() {
  SSL_shutdown(client_.get());
  move_all();
  SSL_shutdown(server_.get());
  move_all();
}

void Peers::update_key(Direction from, bool both) {
  require(SSL_key_update(end_of(from), both ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1,
          "key update");
  SSL_do_handshake(end_of(from));
  move_all();
  read_all(end_of(opposite(from)), from);
  move_all();
}

bool Peers::renegotiate() {
  require(SSL_renegotiate(client_.get()) == 1, "renegotiate");
  for (int i = 0; i < 10; ++i) {
    SSL_do_handshake(client_.get());
    move_all();
    read_all(server_.get(), Direction::kToServer);
    move_all();
    read_all(client_.get(), Direction::kToClient);
    move_all();
  }
  return SSL_renegotiate_pending(client_.get()) == 0;
}

}  // namespace tidegate::inspect::test
