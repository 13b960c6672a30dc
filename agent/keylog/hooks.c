/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What LD_PRELOAD puts before OpenSSL: contexts report their key log lines to us as well, and the application's own
 * callback goes on working, seen from everywhere as if we were not there. Whatever goes wrong here costs lines, never a
 * connection of the server.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/keylog/batch.h"
#include "agent/keylog/channel.h"
#include "agent/keylog/line.h"
#include "agent/keylog/openssl.h"

#define EXPORTED __attribute__((visibility("default")))

static const char kDefaultSocket[] = "/run/tidegate/keys.sock";
static bool share_clients; /* connections on which this process is the client */

__attribute__((constructor)) static void set_up(void) {
  const char *path = getenv("TIDEGATE_KEYLOG_SOCKET");
  const char *clients = getenv("TIDEGATE_KEYLOG_CLIENTS");
  share_clients = clients != NULL && strcmp(clients, "1") == 0;
  channel_configure(path != NULL ? path : kDefaultSocket);
}

/* Who is at the other end, as this process sees it: nothing when the connection is no socket that OpenSSL knows. */
static size_t describe(const struct openssl *api, const SSL *ssl, char out[LINE_TAIL_ROOM]) {
  struct sockaddr_storage peer, own;
  socklen_t peer_size = sizeof peer, own_size = sizeof own;
  const int fd = api->get_fd(ssl);
  out[0] = '\0';
  if (fd < 0 || getpeername(fd, (struct sockaddr *)&peer, &peer_size) != 0 ||
      getsockname(fd, (struct sockaddr *)&own, &own_size) != 0)
    return 0;
  const SSL_CIPHER *cipher = api->get_pending_cipher(ssl);
  if (cipher == NULL) cipher = api->get_current_cipher(ssl);
  const uint16_t id = cipher == NULL ? 0 : api->cipher_get_protocol_id(cipher);
  return api->is_server(ssl) ? line_tail(out, &peer, &own, id) : line_tail(out, &own, &peer, id);
}

static void share(const struct openssl *api, const SSL *ssl, const char *line) {
  char tail[LINE_TAIL_ROOM] = "", joined[LINE_ROOM];
  const enum line_kind kind = line_kind(line);
  if (kind == LINE_USELESS || api->is_dtls(ssl) || !(api->is_server(ssl) || share_clients)) return;
  /* Once for each connection is enough. */
  const bool described = kind == LINE_ALONE || strncmp(line, "SERVER_TRAFFIC_", strlen("SERVER_TRAFFIC_")) == 0;
  const size_t tail_size = described ? describe(api, ssl, tail) : 0;
  const size_t size = line_join(joined, sizeof joined, line, tail, tail_size);
  if (size > 0) batch_add(joined, size, kind);
  explicit_bzero(joined, sizeof joined);
}

/* A callback is kept as a pointer to data, which is how ex_data takes it; POSIX lets both be converted. */
static void *as_data(SSL_CTX_keylog_cb_func callback) {
  void *data;
  memcpy(&data, &callback, sizeof data);
  return data;
}
static SSL_CTX_keylog_cb_func as_callback(void *data) {
  SSL_CTX_keylog_cb_func callback;
  memcpy(&callback, &data, sizeof callback);
  return callback;
}

static void on_line(const SSL *ssl, const char *line) {
  const struct openssl *api = openssl_known();
  const int saved = errno;
  share(api, ssl, line);
  SSL_CTX_keylog_cb_func own = as_callback(api->ctx_get_ex_data(api->get_ctx(ssl), api->index));
  errno = saved;
  if (own != NULL) own(ssl, line);
}

static SSL_CTX *watch(const struct openssl *api, SSL_CTX *context) {
  const int saved = errno;
  if (api != NULL && context != NULL) {
    api->ctx_set_keylog_callback(context, on_line);
    channel_prepare();
  }
  errno = saved;
  return context;
}

/*
 * The OpenSSL function that creates a context now, on whose behalf hooks may be entered once more: SSL_CTX_new jumps to
 * SSL_CTX_new_ex, and then the return address is one of ours.
 */
static _Thread_local const void *creating;

static const void *origin(const void *caller) {
  return creating != NULL && openssl_is_ours(caller) ? creating : caller;
}

EXPORTED SSL_CTX *SSL_CTX_new(const SSL_METHOD *method) {
  const void *caller = origin(__builtin_return_address(0));
  const int saved = errno;
  SSL_CTX *(*real)(const SSL_METHOD *) = NULL;
  void *found = openssl_function("SSL_CTX_new", caller);
  memcpy(&real, &found, sizeof found);
  const struct openssl *api = openssl_of(caller);
  errno = saved;
  if (real == NULL) return NULL;
  creating = found;
  SSL_CTX *context = real(method);
  creating = NULL;
  return watch(api, context);
}

EXPORTED SSL_CTX *SSL_CTX_new_ex(OSSL_LIB_CTX *libctx, const char *properties, const SSL_METHOD *method) {
  const void *caller = origin(__builtin_return_address(0));
  const int saved = errno;
  SSL_CTX *(*real)(OSSL_LIB_CTX *, const char *, const SSL_METHOD *) = NULL;
  void *found = openssl_function("SSL_CTX_new_ex", caller);
  memcpy(&real, &found, sizeof found);
  const struct openssl *api = openssl_of(caller);
  errno = saved;
  return real == NULL ? NULL : watch(api, real(libctx, properties, method));
}

EXPORTED void SSL_CTX_set_keylog_callback(SSL_CTX *context, SSL_CTX_keylog_cb_func callback) {
  const void *caller = __builtin_return_address(0);
  const int saved = errno;
  const struct openssl *api = openssl_of(caller);
  if (api != NULL && api->ctx_set_ex_data(context, api->index, as_data(callback))) {
    api->ctx_set_keylog_callback(context, on_line);
  } else {
    void (*real)(SSL_CTX *, SSL_CTX_keylog_cb_func) = NULL;
    void *found = openssl_function("SSL_CTX_set_keylog_callback", caller);
    memcpy(&real, &found, sizeof found);
    if (real != NULL) real(context, callback);
  }
  errno = saved;
}

EXPORTED SSL_CTX_keylog_cb_func SSL_CTX_get_keylog_callback(const SSL_CTX *context) {
  const void *caller = __builtin_return_address(0);
  const int saved = errno;
  SSL_CTX_keylog_cb_func (*real)(const SSL_CTX *) = NULL;
  void *found = openssl_function("SSL_CTX_get_keylog_callback", caller);
  memcpy(&real, &found, sizeof found);
  const struct openssl *api = openssl_of(caller);
  SSL_CTX_keylog_cb_func callback = real == NULL ? NULL : real(context);
  if (callback == on_line && api != NULL) callback = as_callback(api->ctx_get_ex_data(context, api->index));
  errno = saved;
  return callback;
}
