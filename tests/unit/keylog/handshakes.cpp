// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/keylog/handshakes.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace {

SSL_CTX* server_context = nullptr;
std::mutex printing;

void print(const char* what, const char* text) {
  const std::lock_guard lock(printing);
  std::printf("%s %s\n", what, text);
  std::fflush(stdout);
}

void own_line(const SSL*, const char* line) { print("own", line); }

void check(bool good, const char* what) {
  if (good) return;
  std::printf("failed %s\n", what);
  std::fflush(stdout);
  std::abort();
}

X509* certificate_of(EVP_PKEY* key) {
  X509* certificate = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  check(X509_sign(certificate, key, EVP_sha256()) != 0, "sign");
  return certificate;
}

// The ends are driven in turn until both are done.
int finish(SSL* client, SSL* server) {
  for (int i = 0; i < 100; ++i) {
    const int left = SSL_do_handshake(client), right = SSL_do_handshake(server);
    if (left == 1 && right == 1) break;
    if (i == 99) return 1;
  }
  char answer[8];
  if (SSL_write(client, "ask", 3) != 3 || SSL_read(server, answer, sizeof answer) != 3) return 1;
  if (SSL_write(server, "said", 4) != 4 || SSL_read(client, answer, sizeof answer) != 4) return 1;
  return 0;
}

SSL* end_of(SSL_CTX* context, int version, bool server) {
  SSL* ssl = SSL_new(context);
  const int protocol = version == 12 ? TLS1_2_VERSION : TLS1_3_VERSION;
  SSL_set_min_proto_version(ssl, protocol);
  SSL_set_max_proto_version(ssl, protocol);
  server ? SSL_set_accept_state(ssl) : SSL_set_connect_state(ssl);
  return ssl;
}

int connected_pair(int& client, int& server) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 1) != 0) return -1;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  client = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(client, reinterpret_cast<sockaddr*>(&address), size) != 0) return -1;
  server = ::accept(listener, nullptr, nullptr);
  ::close(listener);
  return server < 0 ? -1 : 0;
}

void print_endpoints(int client, int server) {
  char text[64];
  sockaddr_in from{}, to{};
  socklen_t size = sizeof from;
  ::getsockname(client, reinterpret_cast<sockaddr*>(&from), &size);
  ::getsockname(server, reinterpret_cast<sockaddr*>(&to), &size);
  std::snprintf(text, sizeof text, "127.0.0.1:%u 127.0.0.1:%u", ntohs(from.sin_port), ntohs(to.sin_port));
  print("endpoints", text);
}

void destroy(SSL* client, SSL* server, SSL_CTX* context) {
  SSL_free(client);
  SSL_free(server);
  SSL_CTX_free(context);
}

}  // namespace

void handshakes_prepare(int own_callback) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = certificate_of(key);
  errno = 4711;
  server_context = SSL_CTX_new(TLS_server_method());
  check(server_context != nullptr, "SSL_CTX_new");
  print("errno", errno == 4711 ? "kept" : "changed");
  check(SSL_CTX_use_certificate(server_context, certificate) == 1, "certificate");
  check(SSL_CTX_use_PrivateKey(server_context, key) == 1, "key");
  const auto before = SSL_CTX_get_keylog_callback(server_context);
  if (own_callback != 0) SSL_CTX_set_keylog_callback(server_context, own_line);
  const auto after = SSL_CTX_get_keylog_callback(server_context);
  print("hidden", before == nullptr && after == (own_callback != 0 ? own_line : nullptr) ? "1" : "0");
  X509_free(certificate);
  EVP_PKEY_free(key);
}

int handshakes_run(int version) {
  int client_fd = -1, server_fd = -1;
  if (connected_pair(client_fd, server_fd) != 0) return 1;
  print_endpoints(client_fd, server_fd);
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* client = end_of(context, version, false);
  SSL* server = end_of(server_context, version, true);
  SSL_set_fd(client, client_fd);
  SSL_set_fd(server, server_fd);
  const timeval brief{0, 2000};  // one thread drives both
  const int on = 1;
  for (const int fd : {client_fd, server_fd}) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof brief);
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  const int result = finish(client, server);
  destroy(client, server, context);
  ::close(client_fd);
  ::close(server_fd);
  return result;
}

int handshakes_run_in_memory(int version) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* client = end_of(context, version, false);
  SSL* server = end_of(server_context, version, true);
  BIO *left = nullptr, *right = nullptr;
  BIO_new_bio_pair(&left, 0, &right, 0);
  SSL_set_bio(client, left, left);
  SSL_set_bio(server, right, right);
  const int result = finish(client, server);
  destroy(client, server, context);
  return result;
}
